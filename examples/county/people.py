"""People of the demo county: made-up names, resident ids and phones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples.county import codes

_SURNAMES = np.array(
    [
        *list("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"),
        "欧阳",
        "司马",
        "上官",
    ]
)
_SECOND = np.array(list("建国志明晓文海玉春秀永德家子光天红丽美桂金学大小思雨佳俊立正长新") + [""] * 6)
_LAST = np.array(list("华军平强伟杰勇波涛辉鹏飞斌浩宇芳敏静燕娟霞玲萍慧琴莉云兰英梅雪婷欣怡洋亮龙峰刚磊"))


@dataclass(frozen=True)
class People:
    """Parallel arrays, one place per person."""

    name: NDArray[np.str_]
    resident_id: NDArray[np.str_]
    phone: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.name)

    def take(self, places: NDArray[np.int64]) -> People:
        """The people at those places."""
        return People(self.name[places], self.resident_id[places], self.phone[places])


def names(rng: np.random.Generator, count: int) -> NDArray[np.str_]:
    """Personal names of two to four characters; common surnames are common."""
    weight = 1 / np.arange(1, len(_SURNAMES) + 1) ** 0.7
    surname = rng.choice(_SURNAMES, count, p=weight / weight.sum())
    return np.char.add(np.char.add(surname, rng.choice(_SECOND, count)), rng.choice(_LAST, count))


def make(rng: np.random.Generator, count: int, first_serial: int) -> People:
    """So many people; phones and ids differ as long as serials do."""
    serial = np.arange(first_serial, first_serial + count)
    born = np.datetime64("1956-01-01") + (serial * 6_151 % 17_500)
    return People(names(rng, count), codes.resident_ids(born, serial // 17_500 + 1), codes.mobiles(serial))
