// Maps as pictures: numbers above zero in blue, below zero in orange, zero in the colour of the page.
"use strict";

cnnlite.maps = (() => {
  const WIDE = 4; // columns of a grid beyond which its numbers are written small
  const LARGE = 11; // rows or columns of a grid whose numbers are not written out

  const rgb = (name) => {
    const hex = cnnlite.color(name);
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  };

  function shades() {
    const paper = rgb("--paper"), above = rgb("--right"), below = rgb("--wrong");
    const nothing = rgb("--edge");
    return (value, largest, most = 1) => {
      if (!Number.isFinite(value)) return nothing;
      const share = most * Math.min(1, Math.abs(value) / (largest || 1)), to = value < 0 ? below : above;
      return paper.map((from, i) => Math.round(from + share * (to[i] - from)));
    };
  }

  function largestOf(values) {
    let largest = 0;
    for (const value of values) {
      if (Number.isFinite(value) && Math.abs(value) > largest) largest = Math.abs(value);
    }
    return largest;
  }

  // Draws values (height x width) into a canvas of so many pixels; `upTo` leaves the rest out.
  function draw(canvas, values, height, width, largest = largestOf(values), upTo = values.length) {
    const shade = shades(), picture = new ImageData(width, height);
    for (let i = 0; i < upTo; i++) picture.data.set([...shade(values[i], largest), 255], 4 * i);
    put(canvas, picture);
  }

  function put(canvas, picture) {
    Object.assign(canvas, { width: picture.width, height: picture.height });
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }

  // Pixels of uint8 (channels, height, width); of one channel or of other numbers grey.
  function drawPixels(canvas, pixels, channels, height, width) {
    const picture = new ImageData(width, height), size = height * width;
    for (let i = 0; i < size; i++) {
      const [r, g, b] = [0, 1, 2].map((c) => pixels[channels === 3 ? c * size + i : i]);
      picture.data.set([r, g, b, 255], 4 * i);
    }
    put(canvas, picture);
  }

  // A number in few characters.
  function text(value) {
    if (value === undefined || value === null || Number.isNaN(value)) return "NaN";
    if (!Number.isFinite(value)) return value > 0 ? "\u221e" : "\u2212\u221e";
    const size = Math.abs(value);
    let found = value.toPrecision(3);
    if (size === 0) found = "0";
    else if (size >= 1e5 || size < 5e-5) found = value.toExponential(1);
    else if (size >= 100) found = value.toFixed(0);
    else if (size >= 10) found = value.toFixed(1);
    else if (size < 10) found = value.toFixed(size < 0.01 ? 4 : 3 - (size >= 1));
    return found.replace("-", "\u2212");
  }

  // The same for a small cell: two digits, without the zero before the point.
  function short(value) {
    const size = Math.abs(value);
    if (!Number.isFinite(value) || size >= 10) return text(value);
    const found = size >= 1 ? size.toFixed(1) : size.toFixed(2).replace(/^0/, "");
    return Number(found) === 0 ? "0" : `${value < 0 ? "\u2212" : ""}${found}`;
  }

  function element(kind, properties = {}, ...inside) {
    const made = document.createElement(kind);
    for (const [name, value] of Object.entries(properties)) {
      if (name in made) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...inside);
    return made;
  }

  // A table of numbers on their colours; cell(row, column) gives { value, largest, look, title },
  // of which the value is null where there is none.
  function grid(caption, rows, columns, cell) {
    const body = element("tbody"), shade = shades();
    const written = Math.max(rows, columns) > LARGE ? () => "" : columns > WIDE ? short : text;
    for (let r = 0; r < rows; r++) {
      const line = element("tr");
      for (let c = 0; c < columns; c++) {
        const { value, largest, look, title } = cell(r, c);
        const box = element("td", { className: look ?? "" });
        if (value !== null) {
          box.style.backgroundColor = `rgb(${shade(value, largest, 0.55)})`;
          box.textContent = written(value);
          box.title = `${title ? `${title}: ` : ""}${text(value)}`;
        }
        line.append(box);
      }
      body.append(line);
    }
    const table = element("table", { className: "numbers", "aria-label": caption }, body);
    if (columns > WIDE) table.classList.add("small");
    const head = element("span", { className: "faint", textContent: caption, "aria-hidden": "true" });
    return element("div", { className: "grid-wrap" }, head, table);
  }

  // The scale of colours, from below zero to above.
  function gradient() {
    const made = element("i"), colors = ["--wrong", "--paper", "--right"].map(cnnlite.color);
    made.style.background = `linear-gradient(to right,${colors.join(",")})`;
    return made;
  }

  // A layer's first four maps in one picture, or its numbers as a square.
  function thumbnail(canvas, values, [channels, h, w]) {
    if (!values) return draw(canvas, [NaN], 1, 1);
    if (h * w === 1) {
      const side = Math.ceil(Math.sqrt(channels)), square = new Float32Array(side * side);
      square.set(values);
      return draw(canvas, square, side, side);
    }
    const side = channels > 3 ? 2 : 1, mosaic = new Float32Array(side * h * side * w);
    for (let k = 0; k < side * side; k++) {
      const map = values.subarray(k * h * w, (k + 1) * h * w), most = largestOf(map) || 1;
      const corner = Math.floor(k / side) * h * side * w + (k % side) * w;
      for (let i = 0; i < h * w; i++) {
        mosaic[corner + Math.floor(i / w) * side * w + (i % w)] = map[i] / most;
      }
    }
    return draw(canvas, mosaic, side * h, side * w, 1);
  }

  return { draw, drawPixels, element, gradient, grid, largestOf, text, thumbnail, WIDE };
})();
