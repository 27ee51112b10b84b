"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(byId(id).textContent);

  // ---- theme: the system's, until somebody chooses

  const themeButton = byId("theme");
  const wantsDark = matchMedia("(prefers-color-scheme: dark)");
  const remember = (theme) => { try { localStorage.setItem("hil-theme", theme); } catch { /* not allowed: chosen anew each time */ } };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : wantsDark.matches);
  const showTheme = () => {
    themeButton.setAttribute("aria-pressed", String(isDark()));
    redraw();
  };
  themeButton.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    showTheme();
  });
  wantsDark.addEventListener("change", showTheme);

  // ---- charts: drawn when they come into view for the first time, and again for another theme

  // The library is only run when something is to be drawn: the verdict does not wait for it.
  const plotly = () => {
    if (!window.Plotly) {
      const script = document.createElement("script");
      script.textContent = byId("plotly").textContent;
      document.head.append(script);
    }
    return window.Plotly;
  };

  const charts = read("chart-data");
  const drawn = new Map();
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const coloured = (value) => {
    if (typeof value === "string") return /^@(blue|grey|red|green|amber)$/.test(value) ? colour(value.slice(1)) : value;
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v)]));
    return value;
  };
  const axis = (given) => ({
    gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("line"), automargin: true,
    ...given, title: { text: given && given.title, standoff: 12 },
  });
  function draw(element, spec) {
    drawn.set(element, spec);
    const layout = {
      margin: { l: 60, r: 20, t: 30, b: 50 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("ink"), family: "system-ui, sans-serif", size: 13 },
      hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink") } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      ...coloured(spec.layout), xaxis: axis(spec.layout.xaxis), yaxis: axis(spec.layout.yaxis),
    };
    plotly().react(element, coloured(spec.data), layout, { responsive: true, displaylogo: false, displayModeBar: false });
  }
  function redraw() {
    for (const [element, spec] of drawn) if (element.offsetParent !== null) draw(element, spec);
      else drawn.delete(element), plotly().purge(element);
    drawWithin(document.querySelector('[role="tabpanel"].shown'));
  }
  function drawWithin(panel) {
    if (!panel) return;
    for (const element of all(".chart", panel)) {
      if (drawn.has(element) || element.offsetParent === null) continue;
      if (element.id === "history-chart") drawHistory();
      else if (charts[element.id]) draw(element, charts[element.id]);
    }
  }

  // ---- tabs

  const tabs = all('[role="tab"]');
  function select(tab, focus) {
    for (const each of tabs) {
      const chosen = each === tab;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
      byId(each.getAttribute("aria-controls")).classList.toggle("shown", chosen);
    }
    if (focus) tab.focus();
    drawWithin(byId(tab.getAttribute("aria-controls")));
  }
  function show(tab) {
    select(tab, false);
    history.replaceState(null, "", `#${tab.getAttribute("aria-controls")}`);
    // Below a long list of failures the part would begin out of sight.
    if (tab.getBoundingClientRect().top > innerHeight / 2) tab.parentElement.scrollIntoView();
  }
  const moves = { ArrowRight: 1, ArrowLeft: -1 };
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => show(tab));
    tab.addEventListener("keydown", (event) => {
      const goal = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1
        : event.key in moves ? (place + moves[event.key] + tabs.length) % tabs.length : -1;
      if (goal >= 0) { event.preventDefault(); select(tabs[goal], true); }
    });
  });

  // ---- one run of several: the same one in all parts, at first one that failed

  const choosers = all("[data-chooser]");
  const runOf = (id) => id.split("-")[1];
  function choose(run) {
    for (const chooser of choosers) {
      const panel = chooser.closest('[role="tabpanel"]');
      const option = [...chooser.options].find((each) => runOf(each.value) === run);
      if (option) chooser.value = option.value;
      for (const choice of all(".choice", panel)) choice.classList.toggle("shown", choice.id === chooser.value);
    }
    drawWithin(document.querySelector('[role="tabpanel"].shown'));
  }
  for (const chooser of choosers) chooser.addEventListener("change", () => choose(runOf(chooser.value)));
  const failed = document.querySelector('#runs-table tbody[data-status="fail"] .details');
  choose(failed ? runOf(failed.id) : "");
  for (const button of all("[data-see]")) button.addEventListener("click", () => {
    choose(button.dataset.run);
    show(byId(`tab-${button.dataset.see}`));
    byId(`tab-${button.dataset.see}`).focus();
  });
  for (const panel of all('[role="tabpanel"]')) if (!panel.querySelector("[data-chooser]"))
    for (const choice of all(".choice", panel)) choice.classList.add("shown");

  // ---- the table of runs: filters, order, details

  const table = byId("runs-table");
  const bodies = all("tbody", table);
  const text = byId("filter-text");
  const filters = all("[data-filter]");
  function filter() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const body of bodies) {
      const content = body.rows[0].textContent.toLowerCase();
      const fits = words.every((word) => content.includes(word))
        && filters.every((each) => !each.value || body.dataset[each.dataset.filter] === each.value);
      body.hidden = !fits;
      shown += fits;
    }
    byId("filtered").textContent = shown === bodies.length ? "" : `${shown} of ${bodies.length} runs`;
  }
  text.addEventListener("input", filter);
  for (const each of filters) each.addEventListener("change", filter);

  for (const button of all("[data-sort]")) button.addEventListener("click", () => {
    const heading = button.closest("th");
    const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    for (const each of all("th[aria-sort]", table)) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const value = (body) => body.rows[0].cells[Number(button.dataset.sort)].dataset.value;
    const compare = (a, b) => {
      const [left, right] = [value(a), value(b)];
      if (left === "" || right === "") return (left === "") - (right === "");
      const [x, y] = [Number(left), Number(right)];
      return sign * (Number.isNaN(x) || Number.isNaN(y) ? left.localeCompare(right) : x - y);
    };
    for (const body of [...bodies].sort(compare)) table.append(body);
  });
  for (const opener of all(".opener")) opener.addEventListener("click", () => {
    const details = byId(opener.getAttribute("aria-controls"));
    opener.setAttribute("aria-expanded", String(details.classList.toggle("open")));
  });
  for (const button of all(".copy")) button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(button.dataset.copy); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(button.previousElementSibling); button.textContent = "Press Ctrl+C"; }
  });

  // ---- history

  const past = read("history-data");
  const keyChoice = byId("history-key");
  const metricChoice = byId("history-metric");
  const escaped = (value) => String(value).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  function drawHistory() {
    const key = past.keys[Number(keyChoice.value)];
    if (!key) return;
    const field = metricChoice.value;
    const title = field === "latency" ? `latency, ${key.unit}` : past.metrics.find((m) => m.field === field).title;
    const places = key.x.map((_, i) => i).filter((i) => key[field][i] !== null);
    const series = (name, chosen, marker, mode) => ({
      type: "scatter", mode, name, x: chosen.map((i) => key.x[i]), y: chosen.map((i) => key[field][i]), marker,
      line: { color: "@blue", width: 2, shape: "hv" },
      text: chosen.map((i) => escaped(`${key.status[i]}, commit ${key.commit[i] || "none"}, build ${key.build[i] || "none"}, run ${key.run[i]}`)),
      hovertemplate: "%{y:,.6~g}<br>%{text}<extra></extra>",
    });
    const data = [series("runs", places, { color: "@blue", size: 5 }, "lines+markers")];
    const bad = places.filter((i) => key.bad[i]);
    if (bad.length) data.push(series("failed", bad, { color: "@red", symbol: "x", size: 11 }, "markers"));
    const base = places.filter((i) => key.baseline[i]);
    if (base.length) data.push(series("baseline", base, { color: "@amber", symbol: "diamond", size: 14 }, "markers"));
    const turns = places.filter((i, n) => n > 0 && key.commit[i] !== key.commit[places[n - 1]]);
    const shapes = turns.map((i) => ({ type: "line", x0: key.x[i], x1: key.x[i], yref: "paper", y0: 0, y1: 1, line: { color: "@grey", width: 1, dash: "dot" } }));
    if (base.length) shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: key[field][base[base.length - 1]], y1: key[field][base[base.length - 1]], line: { color: "@amber", width: 1, dash: "dash" } });
    draw(byId("history-chart"), { data, layout: { height: 420, shapes, xaxis: { title: "started, UTC", type: "date" }, yaxis: { title }, showlegend: data.length > 1 } });
  }
  for (const choice of [keyChoice, metricChoice]) if (choice) choice.addEventListener("change", drawHistory);

  // ---- paper: everything, in light colours, with the charts of the runs that are chosen

  let screenTheme;
  addEventListener("beforeprint", () => {
    if (root.classList.contains("printed")) return;
    screenTheme = root.dataset.theme;
    root.dataset.theme = "light";
    root.classList.add("printed");
    for (const panel of all('[role="tabpanel"]')) drawWithin(panel);
    redraw();
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printed");
    if (screenTheme) root.dataset.theme = screenTheme; else delete root.dataset.theme;
    redraw();
  });

  showTheme();
  select(tabs.find((tab) => `#${tab.getAttribute("aria-controls")}` === location.hash) || tabs[0], false);
})();
