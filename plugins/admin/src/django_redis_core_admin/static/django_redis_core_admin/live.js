// Plots of what the servers count, from the growth between two looks. The page's own data alone: no
// other site is asked, nothing is written into the page as HTML.
"use strict";
(() => {
  const EVERY = 2000; // milliseconds
  const KEPT = 300; // points: ten minutes
  const place = document.getElementById("rc-live");
  const trouble = document.getElementById("rc-live-trouble");
  if (!place || !window.uPlot) return;

  const rate = (name) => (now, before) =>
    before && now.run === before.run && now.at > before.at && now[name] >= before[name]
      ? (now[name] - before[name]) / (now.at - before.at)
      : null;
  const ratio = (now, before) => {
    const hits = rate("hits")(now, before);
    const misses = rate("misses")(now, before);
    return hits === null || misses === null || hits + misses === 0
      ? null
      : (100 * hits) / (hits + misses);
  };
  const state = (name, scale = 1) => (now) => (now[name] === undefined ? null : now[name] / scale);
  const kinds = [
    { title: "Commands a second", read: rate("commands"), unit: "" },
    { title: "Hits, of 100 look-ups", read: ratio, unit: "%", most: 100 },
    { title: "Memory, MiB", read: state("used_memory", 2 ** 20), unit: " MiB" },
    { title: "Round trip, ms", read: state("round_trip_ms"), unit: " ms" },
  ];

  const times = [];
  const servers = []; // names, in the order in which they were first seen
  const points = kinds.map(() => []); // of each kind, of each server: a value for each time
  let before = {};
  let plots = [];

  const color = (name) => getComputedStyle(place).getPropertyValue(name).trim() || "gray";

  const clock = (seconds) => new Date(seconds * 1000).toTimeString().slice(0, 8);
  const element = (name, of, text = "") => {
    const made = document.createElement(name);
    made.className = of;
    made.textContent = text;
    return made;
  };
  let legends = [];

  function draw() {
    plots.forEach((plot) => plot.destroy());
    place.replaceChildren();
    // All frames first: how wide each is depends on how many there are.
    const frames = kinds.map((kind) => {
      const figure = element("figure", "rc-card rc-plot");
      figure.append(element("figcaption", "", kind.title));
      place.append(figure);
      return figure;
    });
    legends = [];
    plots = frames.map((figure, at) => {
      const kind = kinds[at];
      const axis = {
        stroke: color("--body-quiet-color"),
        font: "11px sans-serif",
        grid: { stroke: color("--hairline-color"), width: 1 },
        ticks: { stroke: color("--hairline-color"), width: 1, size: 4 },
      };
      const options = {
        width: Math.max(figure.clientWidth - 32, 200),
        height: 180,
        cursor: { show: false },
        legend: { show: false },
        scales: { y: { range: (self, low, high) => [0, kind.most || Math.max(high * 1.1, 1e-3)] } },
        axes: [
          { ...axis, space: 90, values: (self, seconds) => seconds.map(clock) },
          { ...axis, size: 52 },
        ],
        series: [
          {},
          ...servers.map((name, place) => ({
            stroke: color(`--rc-${"abcdef"[place % 6]}`),
            width: 1.5,
            spanGaps: false,
            points: { show: (self, series, first, last) => last - first < 3 },
          })),
        ],
      };
      const plot = new uPlot(options, [times, ...points[at]], figure);
      const list = element("ul", "rc-legend");
      legends.push(
        servers.map((name, place) => {
          const line = element("li", `rc-line-${place % 6}`);
          const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
          swatch.setAttribute("class", "rc-swatch");
          const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
          box.setAttribute("width", "100%");
          box.setAttribute("height", "100%");
          swatch.append(box);
          const value = element("span", "");
          line.append(swatch, `${name}: `, value);
          list.append(line);
          return value;
        }),
      );
      figure.append(list);
      return plot;
    });
    tell();
  }

  function tell() {
    legends.forEach((values, at) => {
      values.forEach((value, place) => {
        const last = points[at][place].at(-1);
        value.textContent = last === null || last === undefined ? "–" : last.toFixed(2) + kinds[at].unit;
      });
    });
  }

  function add(report) {
    const now = Date.now() / 1000;
    let fresh = false;
    times.push(now);
    for (const server of report.servers) {
      if (servers.includes(server.name)) continue;
      servers.push(server.name);
      points.forEach((some) => some.push(new Array(times.length - 1).fill(null)));
      fresh = true;
    }
    const told = Object.fromEntries(report.servers.filter((one) => !one.error).map((one) => [one.name, one]));
    kinds.forEach((kind, at) => {
      servers.forEach((name, place) => {
        points[at][place].push(told[name] ? kind.read(told[name], before[name]) : null);
      });
    });
    if (times.length > KEPT) {
      times.shift();
      points.forEach((some) => some.forEach((one) => one.shift()));
    }
    before = told;
    const words = [report.error, ...report.servers.map((one) => one.error)].filter(Boolean);
    trouble.textContent = words.join(" ");
    trouble.hidden = !words.length;
    if (fresh) draw();
    else {
      plots.forEach((plot, at) => plot.setData([times, ...points[at]]));
      tell();
    }
    place.dataset.points = String(times.length);
  }

  async function look() {
    try {
      const response = await fetch(place.dataset.url, { credentials: "same-origin", redirect: "error" });
      if (!response.ok) throw new Error(`The site answered ${response.status}.`);
      add(await response.json());
    } catch (error) {
      trouble.textContent = `No figures at the moment: ${error.message}`;
      trouble.hidden = false;
    }
    setTimeout(look, document.hidden ? 5 * EVERY : EVERY);
  }

  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = place.clientWidth;
  window.addEventListener("resize", () => {
    if (place.clientWidth !== width) {
      width = place.clientWidth;
      draw();
    }
  });
  look();
})();
