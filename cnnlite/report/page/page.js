// Draws the figures of a page's sections, when they come into view, in light or dark.
//
//   cnnlite.behaviours[ID] = (element, section, signal) => {...}   called for a section when it is
//                                 there or was replaced; listeners end with the signal, as the
//                                 section's element and its figures stay
//   cnnlite.update(section)       put a section in its place, or replace it
//   cnnlite.array(data)           the typed array of what Python's `array` has made
//   cnnlite.color(name)           what a colour of the page, "--ink", is now
//   cnnlite.painted(value)        a figure's JSON in the colours of light or dark
//   cnnlite.picture(sheet, number, label, lines)   a picture of Python's `sprites`, with a caption
//   cnnlite.ready(sheet)          a promise that pictures of a sheet can be drawn
//   "cnnlite:epoch"               an event of each section: a slider was moved; detail: position
//   "cnnlite:drawn"               an event of a figure's element, whenever it was drawn
//   "cnnlite:theme"               an event of each section: light has become dark, or dark light
"use strict";

const cnnlite = (() => {
  const sections = new Map(); // id -> section
  const behaviours = {}, lives = new Map(); // id -> what ends the behaviour's listeners
  const sheets = new Map(); // address -> promise of an image
  const TYPES = {
    uint8: Uint8Array, int8: Int8Array, int16: Int16Array, uint16: Uint16Array,
    int32: Int32Array, uint32: Uint32Array, float32: Float32Array, float64: Float64Array,
  };
  const BUTTONS = ["lasso2d", "select2d", "autoScale2d", "zoomIn2d", "zoomOut2d"];
  const MOST_SHEETS = 32;
  let night = {}; // light colour -> dark colour

  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function array(data) {
    const bytes = Uint8Array.from(atob(data.base64), (letter) => letter.charCodeAt(0));
    return Object.assign(new TYPES[data.dtype](bytes.buffer), { shape: data.shape });
  }

  function painted(value) {
    if (typeof value === "string") return (dark() && night[value]) || value;
    if (Array.isArray(value)) return value.map(painted);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, painted(part)]));
  }

  function draw(element) {
    const section = sections.get(element.closest("section").id);
    const figure = section.figures[element.dataset.figure];
    const layout = painted(figure.layout);
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.uirevision = "kept"; // a view that was chosen stays when data come
    if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false; // a finger scrolls
    const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: BUTTONS };
    return Plotly.react(element, painted(figure.data), layout, config).then(() => {
      element.dataset.drawn = "yes";
      element.dispatchEvent(new CustomEvent("cnnlite:drawn", { bubbles: true }));
    });
  }

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting && !target.dataset.drawn) draw(target);
    }
  }, { rootMargin: "600px" });

  const figures = (element) => element.querySelectorAll(".figure[data-figure]");

  function adopt(section) {
    sections.set(section.id, section);
    const element = document.getElementById(section.id), life = new AbortController();
    figures(element).forEach((place) => {
      // Known before it is drawn, so that nothing jumps; plotly forgets it when a window is resized.
      place.style.height = `${section.figures[place.dataset.figure].layout.height}px`;
      near.observe(place);
    });
    lives.get(section.id)?.abort();
    lives.set(section.id, life);
    behaviours[section.id]?.(element, section, life.signal);
  }

  // Figures that stay keep their place and what was zoomed; what was unfolded, chosen or focused
  // stays so.
  function update(section) {
    const element = document.getElementById(section.id), body = element.querySelector(".body");
    const fresh = document.createElement("div"), kept = [];
    fresh.innerHTML = section.html;
    figures(body).forEach((place) => {
      const heir = fresh.querySelector(`.figure[data-figure="${CSS.escape(place.dataset.figure)}"]`);
      if (heir && place.dataset.drawn) {
        place.setAttribute("aria-label", heir.getAttribute("aria-label"));
        heir.replaceWith(place);
        kept.push(place);
      } else {
        near.unobserve(place);
        Plotly.purge(place);
      }
    });
    const open = [...body.querySelectorAll("details")].map((part) => part.open);
    const chosen = [...body.querySelectorAll("[data-chosen]")].map((part) => [key(part), value(part)]);
    fresh.querySelectorAll("details").forEach((part, i) => { part.open = Boolean(open[i]); });
    const focused = focusable(body).indexOf(document.activeElement);
    const pressed = [...body.querySelectorAll("button[data-layer][aria-pressed=true]")];
    element.querySelector("h2").textContent = section.title;
    body.style.minHeight = `${body.offsetHeight}px`; // until it is filled, so that nothing jumps
    setTimeout(() => { body.style.minHeight = ""; }, 1000);
    body.replaceChildren(...fresh.childNodes);
    adopt(section);
    kept.forEach(draw);
    chosen.forEach(([name, before]) => choose(body.querySelector(name), before));
    pressed.forEach(({ dataset: { layer } }) =>
      body.querySelector(`button[data-layer="${CSS.escape(layer)}"]`)?.click());
    if (focused >= 0) focusable(body)[focused]?.focus({ preventScroll: true });
  }

  const focusable = (body) => [...body.querySelectorAll("button, input, select, summary, a, [tabindex]")];

  const listed = (control) => control.dataset.epochs?.split(",");
  const key = (control) => control.id ? `#${CSS.escape(control.id)}` : ".slider input";
  const value = (control) => listed(control)?.[control.value] ?? control.value;

  // A slider that stood at the last epoch follows; another stays where it is, if that is kept.
  function choose(control, before) {
    if (!control) return;
    const place = listed(control)?.indexOf(before) ?? before;
    if (place === -1 || (control.options && ![...control.options].some((o) => o.value === place))) return;
    control.value = place;
    control.dataset.chosen = "yes";
    control.dispatchEvent(new Event(listed(control) ? "input" : "change", { bubbles: true }));
  }

  function remember({ target }) {
    const last = target.matches(".slider input") && target.value === target.max;
    if (last) delete target.dataset.chosen;
    else target.dataset.chosen = "yes";
  }

  function ready(sheet) {
    if (!sheets.has(sheet.address)) {
      const image = new Image();
      image.src = sheet.address;
      sheets.set(sheet.address, image.decode().then(() => image));
      if (sheets.size > MOST_SHEETS) sheets.delete(sheets.keys().next().value); // a live page's
    }
    return sheets.get(sheet.address);
  }

  async function cut(canvas, sheet, number) {
    const image = await ready(sheet), { columns, width, height } = sheet;
    const x = (number % columns) * width, y = Math.floor(number / columns) * height;
    canvas.getContext("2d").drawImage(image, x, y, width, height, 0, 0, width, height);
  }

  function picture(sheet, number, label, lines) {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    Object.assign(canvas, { width: sheet.width, height: sheet.height });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    canvas.title = label;
    cut(canvas, sheet, number);
    const caption = document.createElement("figcaption");
    caption.append(...lines.map((line) => {
      const text = document.createElement("span");
      text.textContent = line;
      return text;
    }));
    figure.className = "picture";
    figure.append(canvas, caption);
    return figure;
  }

  function tell(name, detail) {
    document.querySelectorAll("main section").forEach((element) => {
      element.dispatchEvent(new CustomEvent(name, { detail }));
    });
  }

  function redraw() {
    document.querySelectorAll(".figure[data-drawn]").forEach(draw);
    tell("cnnlite:theme");
  }

  function offerTheme() {
    const button = document.getElementById("theme");
    const name = () => { button.textContent = dark() ? "Light" : "Dark"; };
    const changed = () => { name(); redraw(); };
    button.hidden = false;
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      changed();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
    name();
  }

  function moveSliders({ target }) {
    if (!target.matches(".slider input")) return;
    document.querySelectorAll(".slider input").forEach((slider) => {
      slider.value = target.value;
      const epoch = slider.dataset.epochs.split(",")[slider.value];
      slider.parentElement.querySelector("output").textContent = epoch;
    });
    tell("cnnlite:epoch", Number(target.value));
  }

  document.addEventListener("DOMContentLoaded", () => {
    const data = JSON.parse(document.getElementById("cnnlite-data").textContent);
    night = data.dark;
    offerTheme();
    document.addEventListener("input", moveSliders);
    document.addEventListener("input", remember);
    data.sections.forEach(adopt);
  });
  return { array, behaviours, color, dark, painted, picture, ready, sections, update };
})();
