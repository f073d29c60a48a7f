# Every target sets up what it needs. Packages come from wherever pip, uv and apt are configured to fetch them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON := $(shell for p in python3.11 python3.12 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo $$p && break; done)
UV := .venv/share/uv/bin/uv
READY := .venv/.ready

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
# Once here, or every command compiles what it imports where Python may not keep it.
export UV_COMPILE_BYTECODE := 1

.PHONY: help demo test check bench clean mariadb chromium

help: ## 本说明
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

demo: $(READY) mariadb ## 合成县演示：启动各部门系统，采集、质检、合并、出视图，与答案核对（SCALE=0.1 用小县）
	@.venv/bin/hub demo $(if $(SCALE),--scale $(SCALE))

test: $(READY) mariadb chromium ## 全部测试
	@.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(READY) ## 格式、静态检查、分层、类型，以及契约、连接器、视图
	@.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	.venv/bin/lint-imports --no-logo
	.venv/bin/mypy
	.venv/bin/hub check

bench: $(READY) mariadb ## 性能对比
	@.venv/bin/python -m benchmarks

clean: ## 停止演示，删除 var/ 和 .venv/
	@if [ -x .venv/bin/hub ]; then .venv/bin/hub down; fi
	rm -rf var .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml uv.lock
	@if [ -z "$(PYTHON)" ]; then
	  echo "缺少 Python 3.11 或 3.12：请安装 python3 和 python3-venv 后再运行" >&2; exit 1
	fi
	if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then
	  if [ "$$(id -u)" != 0 ]; then
	    echo "缺少 $(notdir $(PYTHON))-venv：请系统管理员执行 apt-get install $(notdir $(PYTHON))-venv 后再运行" >&2; exit 1
	  fi
	  echo "安装 $(notdir $(PYTHON))-venv …" >&2
	  apt-get update -qq >/dev/null
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(notdir $(PYTHON))-venv >/dev/null
	fi
	echo "准备 .venv（首次约一两分钟）…" >&2
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	[ -x $(UV) ] || .venv/bin/python -m pip install --quiet --target .venv/share/uv uv
	$(UV) sync --frozen --quiet
	.venv/bin/python -m compileall -q schemas connectors quality warehouse views pipelines portal hub hub_client examples
	touch $(READY)

# The portal's tests drive a real browser; Chinese fonts so that widths are those people see.
chromium:
	@if [ -x /usr/bin/chromium ]; then exit 0; fi
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	  echo "门户的测试要用 Chromium：请系统管理员执行 apt-get install chromium fonts-noto-cjk" >&2; exit 1
	fi
	echo "安装 chromium …" >&2
	apt-get update -qq >/dev/null
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null 2>&1

# The demo county's service centre runs on MariaDB; without it the county says so and uses SQLite.
mariadb:
	@if [ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null; then exit 0; fi
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	  echo "没有 MariaDB，合成县的政务服务中心改用 SQLite；要用真的请执行 apt-get install mariadb-server" >&2; exit 0
	fi
	echo "安装 mariadb-server …" >&2
	# The package would start a server of its own; the county starts one that is its alone.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $$policy ]; then
	  printf '#!/bin/sh\nexit 101\n' > $$policy; chmod +x $$policy; trap "rm -f $$policy" EXIT
	fi
	if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mariadb-server; } >/dev/null 2>&1; then
	  echo "mariadb-server 没有装上，合成县的政务服务中心改用 SQLite" >&2
	fi
