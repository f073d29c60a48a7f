// What pages need beside htmx: charts, the SQL editor, small comforts. No data is kept here.
(() => {
  "use strict";

  // The drawing library is half a megabyte: figures and tables are on the screen before it is read, and between two
  // charts there is time for a click.
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  let library = null;
  function drawing() {
    library = library || new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = document.body.dataset.library;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });
    return library;
  }

  async function charts(root) {
    const boxes = [...root.querySelectorAll("[data-chart]:not([data-drawn])")];
    if (!boxes.length) return;
    for (const box of boxes) box.dataset.drawn = "1";
    await painted();
    try { await drawing(); } catch { return; } // each chart's figures stand under it as a table
    for (const box of boxes) {
      chart(box);
      await painted();
    }
  }

  function chart(box) {
    const made = window.echarts.init(box, null, { renderer: "canvas" });
    const option = JSON.parse(box.dataset.chart);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) option.animation = false;
    made.setOption(option);
    made.on("click", (event) => {
      const place = event.data && event.data.link;
      if (place) location.href = place;
    });
    new ResizeObserver(() => made.resize()).observe(box);
    addEventListener("beforeprint", () => made.resize({ width: 620 }));
    addEventListener("afterprint", () => made.resize({ width: "auto" }));
  }

  function filters(root) {
    for (const box of root.querySelectorAll("[data-only]")) {
      const table = document.getElementById(box.dataset.only);
      const apply = () => {
        for (const row of table.querySelectorAll("tbody tr")) row.hidden = box.checked && !("under" in row.dataset);
      };
      box.addEventListener("change", apply);
      apply();
    }
    for (const box of root.querySelectorAll("[data-submit]")) box.addEventListener("change", () => box.form.requestSubmit());
    for (const button of root.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());
    for (const button of root.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
        button.textContent = "已复制";
      });
    }
    for (const box of root.querySelectorAll(".file input")) {
      const named = box.parentElement.querySelector(".named"), none = named.textContent;
      const show = () => {
        named.textContent = [...box.files].map((f) => f.name).join("、") || none;
        box.parentElement.classList.toggle("full", box.files.length > 0);
      };
      box.addEventListener("change", show);
      show();
    }
    // People write days as 20260331, 2026/3/31 or 2026年3月31日; the field shows one way whatever the browser's language.
    for (const box of root.querySelectorAll("[data-day]")) {
      box.addEventListener("change", () => {
        const parts = box.value.trim().match(/^(\d{4})\D?(\d{1,2})\D?(\d{1,2})\D?$/);
        if (parts) box.value = [parts[1], parts[2].padStart(2, "0"), parts[3].padStart(2, "0")].join("-");
      });
    }
    for (const form of root.querySelectorAll("form[data-confirm]")) {
      form.addEventListener("submit", (event) => {
        if (!confirm(form.dataset.confirm)) event.preventDefault();
      });
    }
  }

  function editor() {
    const text = document.getElementById("sql-text");
    if (!text || !window.sqlEditor) return;
    const form = text.form;
    window.sqlEditor(text, { nonce: text.dataset.nonce, schema: JSON.parse(text.dataset.schema), line: Number(text.dataset.line), run: () => form.requestSubmit() });
    const running = document.getElementById("running");
    let started = 0;
    form.addEventListener("submit", (event) => {
      if (event.submitter && event.submitter.dataset.download) return;
      const clock = document.getElementById("elapsed");
      started = Date.now();
      running.hidden = false;
      setInterval(() => { clock.textContent = ((Date.now() - started) / 1000).toFixed(0); }, 500);
    });
    const cancel = document.getElementById("cancel");
    if (cancel) {
      cancel.addEventListener("click", async () => {
        await fetch("/sql/cancel", { method: "POST", body: new URLSearchParams({ _csrf: form._csrf ? form._csrf.value : text.dataset.csrf, run: form.run.value }) });
      });
    }
  }

  function edits() {
    const told = document.getElementById("edited");
    if (!told) return;
    const cells = [...document.querySelectorAll(".row input[name^=r]")];
    const show = () => {
      const rows = new Set(cells.filter((c) => c.value !== c.defaultValue).map((c) => c.name.split(":")[0]));
      told.textContent = rows.size ? `已改 ${rows.size} 行 ` : "";
    };
    for (const cell of cells) cell.addEventListener("input", show);
    show();
  }

  // Counts in the head, live; only while the page is looked at, as a browser allows few connections to one host.
  function live() {
    const places = [...document.querySelectorAll("[data-live]")];
    if (!places.length || !window.EventSource) return;
    let stream = null;
    const seen = () => { const of = (name) => (places.find((p) => p.dataset.live === name) || { textContent: "0" }).textContent; return `${of("inbox")}.${of("notices")}`; };
    const stop = () => { if (stream) stream.close(); stream = null; };
    const start = () => {
      if (stream || document.hidden) return;
      stream = new EventSource(`/events?seen=${seen()}`);
      stream.addEventListener("counts", (event) => {
        const told = JSON.parse(event.data);
        for (const place of places) place.textContent = told[place.dataset.live];
      });
      stream.addEventListener("end", stop);
    };
    document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
    addEventListener("pagehide", stop);
    setTimeout(start, 5000); // what the page came with is new enough; whoever only passes through opens no stream
  }

  // An answer's lines of JSON as they come.
  async function* lines(answer) {
    const reader = answer.body.getReader(), decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const whole = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = whole.pop();
      for (const line of whole.filter(Boolean)) yield JSON.parse(line);
    }
  }

  // The steps of a connection test, shown as each one ends.
  async function probe() {
    const form = document.querySelector("form[data-probe]");
    if (!form) return;
    const list = form.querySelector("ol"), going = form.querySelector("[data-going]");
    const add = (step) => {
      const item = document.createElement("li"), name = document.createElement("strong"), when = document.createElement("span");
      item.className = step.ok ? "good" : "bad";
      name.textContent = step.title;
      when.className = "when";
      when.textContent = ` ${step.seconds.toFixed(1)} 秒`;
      item.append(name, when, document.createElement("br"), step.message);
      if (step.cure) item.append(document.createElement("br"), `怎么办：${step.cure}`);
      list.append(item);
    };
    const end = (fine, text) => {
      going.textContent = text;
      const next = document.getElementById("probe-next");
      if (!fine || !next) return;
      next.classList.remove("off");
      next.removeAttribute("aria-disabled");
      document.getElementById("probe-note").textContent = "测试通过";
      next.focus();
    };
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/x-ndjson" }, body: new URLSearchParams({ _csrf: form._csrf.value }) });
      if (!answer.ok) { end(false, "没有测成：请刷新页面，再点“保存并测试连接”"); return; }
      for await (const step of lines(answer)) {
        if (step.done) { end(step.ok, step.ok ? "全部通过" : "没有通过：按上面说的改好，再测一次"); } else { add(step); }
      }
    } catch { end(false, "和枢纽的连接断了，请刷新页面再试"); }
  }

  function wall() {
    const next = document.body.dataset.next;
    if (!document.body.classList.contains("wall")) return;
    for (const clock of document.querySelectorAll("[data-clock]")) {
      // Sweden writes days and times as the county does: 2026-11-22 08:30:00.
      const show = () => { clock.textContent = new Date().toLocaleString("sv-SE", { timeZone: "Asia/Shanghai" }); };
      show();
      setInterval(show, 1000);
    }
    if (!next) return;
    setTimeout(() => { location.href = next; }, 20000);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !event.target.isContentEditable) {
      const box = document.querySelector(".find input");
      if (box) { event.preventDefault(); box.focus(); }
    }
  });
  // Rows sent back: the four words move as the server comes to each.
  function sending() {
    const form = document.getElementById("fix"), line = document.getElementById("sending");
    if (!form || !line) return;
    const place = (stage) => line.querySelector(`[data-stage=${stage}]`);
    const reach = (told) => {
      for (const item of line.children) {
        if (item === place(told.stage)) { item.className = told.stage === "merged" ? "done" : "now"; break; }
        item.className = "done";
      }
      if (told.stage === "sent") place("sent").textContent = `已提交 ${told.rows} 行`;
      if (told.stage === "judged") place("judged").textContent = `通过 ${told.passed} · 退回 ${told.rows - told.passed}`;
    };
    form.addEventListener("submit", async (event) => {
      if (event.submitter && event.submitter.hasAttribute("formaction")) return;
      const fields = [...form.elements];
      const changed = fields.some((f) => (/^r\d/.test(f.name) && f.value !== f.defaultValue) || (f.name.startsWith("same") && f.checked));
      if (!changed || !form.elements.reason.value.trim()) return; // the server says what is missing
      event.preventDefault();
      line.hidden = false;
      line.scrollIntoView({ block: "nearest" });
      try {
        const body = new URLSearchParams(new FormData(form));
        const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/x-ndjson" }, body });
        if (!answer.ok) { form.submit(); return; } // the page that comes says what is missing
        for await (const told of lines(answer)) {
          if (told.wrong) { line.textContent = told.wrong; return; }
          if (told.place) { location.href = told.place; return; }
          reach(told);
        }
      } catch { line.textContent = "和枢纽的连接断了：刷新页面看送回了没有"; }
    });
  }

  function menu() {
    const here = document.querySelector(".side [aria-current]");
    if (here) here.scrollIntoView({ block: "nearest" });
  }

  function ready(root) { charts(root); filters(root); }
  document.addEventListener("DOMContentLoaded", () => { ready(document); editor(); edits(); probe(); sending(); menu(); live(); wall(); });
  document.addEventListener("htmx:after:swap", (event) => ready(event.target instanceof Element ? event.target : document));
})();
