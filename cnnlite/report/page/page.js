// Draws the figures of a page's sections, when they come into view, in light or dark.
//
//   cnnlite.behaviours[ID] = (element, section) => {...}   called for a section when it is there
//                                                          or was replaced
//   cnnlite.update(section)       put a section in its place, or replace it
//   cnnlite.array(data)           the typed array of what Python's `array` has made
//   "cnnlite:epoch"               an event of the document: a slider was moved; detail: position
//   "cnnlite:drawn"               an event of a figure's element, whenever it was drawn
"use strict";

const cnnlite = (() => {
  const sections = new Map(); // id -> section
  const behaviours = {};
  const TYPES = {
    uint8: Uint8Array, int8: Int8Array, int16: Int16Array, uint16: Uint16Array,
    int32: Int32Array, uint32: Uint32Array, float32: Float32Array, float64: Float64Array,
  };

  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };

  function array(data) {
    const bytes = Uint8Array.from(atob(data.base64), (letter) => letter.charCodeAt(0));
    return Object.assign(new TYPES[data.dtype](bytes.buffer), { shape: data.shape });
  }

  function draw(element) {
    const section = sections.get(element.closest("section").id);
    const figure = section.figures[element.dataset.figure];
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink"), grid = style.getPropertyValue("--line");
    const layout = structuredClone(figure.layout);
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { ...layout.font, color: ink };
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      layout[name] = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, ...layout[name] };
    }
    const config = { responsive: true, displaylogo: false };
    return Plotly.react(element, figure.data, layout, config).then(() => {
      element.dataset.drawn = "yes";
      element.dispatchEvent(new CustomEvent("cnnlite:drawn", { bubbles: true }));
    });
  }

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting && !target.dataset.drawn) draw(target);
    }
  }, { rootMargin: "600px" });

  function adopt(section) {
    sections.set(section.id, section);
    const element = document.getElementById(section.id);
    element.querySelectorAll(".figure").forEach((place) => near.observe(place));
    behaviours[section.id]?.(element, section);
    return element;
  }

  function update(section) {
    const element = document.getElementById(section.id);
    element.querySelectorAll(".figure").forEach((place) => {
      near.unobserve(place);
      Plotly.purge(place);
    });
    element.querySelector("h2").textContent = section.title;
    element.querySelector(".body").innerHTML = section.html;
    adopt(section);
  }

  function redraw() {
    document.querySelectorAll(".figure[data-drawn]").forEach(draw);
  }

  function start() {
    const button = document.getElementById("theme");
    const name = () => { button.textContent = dark() ? "Light" : "Dark"; };
    button.hidden = false;
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      name();
      redraw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      name();
      redraw();
    });
    name();
    document.addEventListener("input", ({ target }) => {
      if (!target.matches(".slider input")) return;
      document.querySelectorAll(".slider input").forEach((other) => {
        other.value = target.value;
        other.parentElement.querySelector("output").textContent =
          other.dataset.epochs.split(",")[other.value];
      });
      document.dispatchEvent(new CustomEvent("cnnlite:epoch", { detail: Number(target.value) }));
    });
    JSON.parse(document.getElementById("cnnlite-data").textContent).forEach(adopt);
  }

  document.addEventListener("DOMContentLoaded", start);
  return { array, behaviours, dark, redraw, sections, update };
})();
