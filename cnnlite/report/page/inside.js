// How each number was computed: choose an image, a layer, a map and a pixel.  A pixel of the output
// shows its patch, the weights and their products; a pixel of the input shows where it went.
"use strict";

cnnlite.behaviours.inside = (() => {
  const { draw, drawPixels, element, gradient, grid, largestOf, text, thumbnail, WIDE } = cnnlite.maps;
  const CHANNELS = ["red", "green", "blue"];
  const NAMED = 40; // numbers of a layer that are listed, by their classes where they are scores
  const TERMS = 8; // input channels that are listed, those that add most
  const TIMES = "\u00d7", MINUS = "\u2212";
  let chosen = { image: 0, layer: 1, map: 0, at: null, channel: -1, from: null }; // stays when data come

  return (section, { data }, signal) => {
    const place = section.querySelector("#inside-place");
    if (!place) return;
    const net = cnnlite.network(data), { nodes } = net;
    const shown = nodes.map((node, i) => i).filter((i) => i > 0 && nodes[i].rule?.type !== "same");
    if (!shown.includes(chosen.layer)) chosen = { ...chosen, layer: shown[0], map: 0, at: null, from: null };
    if (chosen.image >= data.names.length) chosen.image = 0;
    let timer = null;

    const node = () => nodes[chosen.layer];
    const before = () => nodes[node().inputs[0]];
    const label = ({ name, kind }) => (name ? `${name} ${kind}` : kind);
    const size = ([c, h, w]) => (h * w === 1 ? `${c} numbers` : [c, h, w].join(TIMES));
    const mapOf = (i, channel) => {
      const values = net.values(i, chosen.image), [, h, w] = nodes[i].shape;
      return values?.subarray(channel * h * w, (channel + 1) * h * w);
    };
    const single = (i) => nodes[i].shape[1] * nodes[i].shape[2] === 1; // numbers, not maps
    const last = nodes.length - 1;
    // Rows and columns of what is drawn of a node: a map, or all its numbers as a square.
    const extent = (i) => {
      const [channels, h, w] = nodes[i].shape, columns = Math.ceil(Math.sqrt(channels));
      return single(i) ? [Math.ceil(channels / columns), columns] : [h, w];
    };
    const cellOf = (i, channel, at) => {
      const columns = extent(i)[1];
      return single(i) ? [Math.floor(channel / columns), channel % columns] : at;
    };
    const called = (i, channel) => (i === last && single(i) && data.classes.length === nodes[i].shape[0]
      ? data.classes[channel] : `${single(i) ? "number" : "map"} ${channel}`);

    // ---- the parts of the page ----
    const images = element("div", { className: "strip images", role: "group", "aria-label": "Image" });
    const guesses = element("p", { className: "guesses" });
    const layers = element("div", { className: "strip layers", role: "group", "aria-label": "Layer" });
    const title = element("h3");
    const maps = element("div", { className: "maps", role: "group", "aria-label": "Maps of the layer" });
    const input = figure("input"), output = figure("output");
    const middle = element("div", { className: "arithmetic" });
    const play = element("button", { type: "button", textContent: "Slide the window" });
    const spoken = element("span", { "aria-live": "polite" });
    const colours = element("span", { className: "scale" });
    const bench = element("div", { className: "bench" }, input.box, middle, output.box);
    const tools = element("div", { className: "tools" }, play, spoken, colours);
    place.replaceChildren(images, guesses, layers, title, maps, tools, bench);

    function figure(kind) {
      const canvas = element("canvas", { tabIndex: 0, role: "application" });
      const caption = element("figcaption");
      const box = element("figure", {}, canvas, caption);
      canvas.addEventListener("pointerdown", (event) => pointed(kind, canvas, event));
      canvas.addEventListener("pointermove", (event) => {
        if (event.buttons && event.pointerType === "mouse") pointed(kind, canvas, event);
      });
      canvas.addEventListener("keydown", (event) => moved(kind, event));
      return { canvas, caption, box };
    }

    // ---- what is chosen ----
    function choose(change) {
      stop();
      Object.assign(chosen, change);
      show();
    }

    function pointed(kind, canvas, event) {
      const box = canvas.getBoundingClientRect(), [h, w] = extent(sideOf(kind));
      const at = [(event.clientY - box.top) / box.height * h, (event.clientX - box.left) / box.width * w];
      select(kind, at.map(Math.floor));
    }

    function moved(kind, event) {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const i = sideOf(kind), [h, w] = extent(i), own = kind === "input" ? chosen.channel : chosen.map;
      const at = cellOf(i, own, kind === "input" ? chosen.from : chosen.at) ?? [h >> 1, w >> 1];
      select(kind, at.map((value, axis) => value + step[axis]));
    }

    const sideOf = (kind) => (kind === "input" ? node().inputs[0] : chosen.layer);

    function select(kind, at) {
      stop();
      const i = sideOf(kind), most = extent(i);
      let place = at.map((value, axis) => Math.min(Math.max(value, 0), most[axis] - 1));
      let channel = kind === "input" ? chosen.channel : chosen.map;
      if (single(i)) {
        channel = Math.min(place[0] * most[1] + place[1], nodes[i].shape[0] - 1);
        place = [0, 0];
      }
      if (kind === "output") {
        const other = channel !== chosen.map;
        Object.assign(chosen, { map: channel, at: place, from: null });
        if (other) showMaps();
      }
      if (kind === "input" && node().rule?.rows) Object.assign(chosen, { channel, from: place });
      bring();
      const where = single(i) ? called(i, channel) : `row ${place[0]}, column ${place[1]}`;
      const value = mapOf(i, channel)?.[place[0] * nodes[i].shape[2] + place[1]];
      spoken.textContent = `${kind}, ${where}: ${text(value)}`;
    }

    // ---- the window slides over the map ----
    function stop() {
      clearInterval(timer);
      timer = null;
      play.textContent = "Slide the window";
    }

    play.addEventListener("click", () => {
      if (timer) return stop();
      const [, h, w] = node().shape, step = Math.max(1, Math.round(h * w / 200));
      let i = 0;
      Object.assign(chosen, { from: null });
      timer = setInterval(() => {
        if (i >= h * w) return stop();
        chosen.at = [Math.floor(i / w), i % w];
        bring(i + 1);
        i += step;
      }, 90);
      play.textContent = "Stop";
    });

    // ---- drawing ----
    function show() {
      [...images.children].forEach((button, i) => button.setAttribute("aria-pressed", i === chosen.image));
      [...layers.children].forEach((button, i) => {
        button.setAttribute("aria-pressed", shown[i] === chosen.layer);
        if (shown[i] !== chosen.layer) return;
        const over = button.offsetLeft - layers.offsetLeft, end = over + button.offsetWidth;
        if (over < layers.scrollLeft || end > layers.scrollLeft + layers.clientWidth) {
          layers.scrollLeft = over - layers.clientWidth / 3;
        }
      });
      if (chosen.map >= node().shape[0]) chosen.map = 0;
      const [C, H, W] = before()?.shape ?? [1, 1, 1];
      if (chosen.channel >= C) chosen.channel = -1;
      const [, h, w] = node().shape;
      if (!chosen.at || chosen.at[0] >= h || chosen.at[1] >= w) chosen.at = [h >> 1, w >> 1];
      if (chosen.from && (chosen.from[0] >= H || chosen.from[1] >= W)) chosen.from = null;
      title.textContent = `${label(node())}: ${size(node().shape)}`;
      showGuesses();
      showMaps();
      bring();
    }

    function showGuesses() {
      const scores = net.values(nodes.length - 1, chosen.image);
      const parts = [element("b", { textContent: `This is: ${data.labels[chosen.image]}.` })];
      if (!scores || scores.length !== data.classes.length) {
        parts.push(element("span", { textContent: "Its scores cannot be computed in this page." }));
      } else if (!scores.every(Number.isFinite)) {
        parts.push(element("span", { textContent: "The network's scores are not finite." }));
      } else {
        const most = Math.max(...scores), powers = Array.from(scores, (s) => Math.exp(s - most));
        const total = powers.reduce((sum, value) => sum + value, 0);
        const order = powers.map((power, i) => [power / total, i]).sort((a, b) => b[0] - a[0]);
        parts.push(element("span", { textContent: "Computed in this page:" }), ...order.slice(0, 4)
          .map(([chance, i]) => element("span", { textContent:
            `${data.classes[i]} ${(100 * chance).toFixed(1)}%` })));
      }
      guesses.replaceChildren(...parts);
    }

    function showMaps() {
      const values = net.values(chosen.layer, chosen.image), [channels, h, w] = node().shape;
      const named = single(chosen.layer) && channels <= NAMED;
      maps.hidden = !values || (single(chosen.layer) && !named);
      maps.className = named ? "names" : "maps";
      if (maps.hidden) return maps.replaceChildren();
      const kind = `${chosen.layer} ${named}`;
      if (maps.dataset.kind !== kind) {
        maps.dataset.kind = kind;
        maps.replaceChildren(...Array.from({ length: channels }, (_, i) => {
          const button = element("button", { type: "button" }, named ? "" : element("canvas"));
          button.addEventListener("click", () => choose({ map: i }));
          return button;
        }));
      }
      [...maps.children].forEach((button, i) => {
        const map = mapOf(chosen.layer, i), name = called(chosen.layer, i);
        button.setAttribute("aria-pressed", i === chosen.map);
        if (named) {
          button.textContent = `${name}: ${text(map[0])}`;
          return;
        }
        button.setAttribute("aria-label", `${name}, up to ${text(largestOf(map))}`);
        button.title = name;
        draw(button.firstChild, map, h, w);
      });
    }

    function bring(upTo = Infinity) {
      const found = net.explain(chosen.layer, chosen.image, [chosen.map, ...chosen.at]);
      const windows = node().rule?.rows && found.terms;
      if (windows && !found.channels.includes(chosen.channel)) {
        const sizes = found.sums.map(Math.abs); // NaN is larger than nothing
        const most = sizes.reduce((best, one, i) => (one > sizes[best] ? i : best), 0);
        chosen.channel = Math.max(0, found.channels[most]);
      } else if (!windows && before()) {
        chosen.channel = Math.min(chosen.map, before().shape[0] - 1);
      }
      const back = chosen.from && net.wayBack(chosen.layer, chosen.image, [chosen.channel, ...chosen.from]);
      showSide(output, chosen.layer, chosen.map, upTo);
      if (before()) showSide(input, node().inputs[0], chosen.channel, Infinity);
      input.box.hidden = !before() || !net.values(node().inputs[0], chosen.image);
      output.box.hidden = !net.values(chosen.layer, chosen.image);
      play.hidden = !windows || node().shape[1] * node().shape[2] < 4;
      if (back) showBack(back);
      else if (windows) showWindow(found);
      else showNumber(found);
    }

    function showSide(side, i, channel, upTo) {
      const { shape } = nodes[i], [h, w] = extent(i);
      const map = single(i) ? net.values(i, chosen.image) : mapOf(i, channel);
      if (!map) return;
      const small = document.createElement("canvas"), largest = largestOf(map);
      if (i === 0 && data.images.scale && shape[0] === 3) picture(small);
      else draw(small, map, h, w, largest, Math.min(upTo, map.length));
      const scale = Math.max(1, Math.floor(Math.min(512, 64 * Math.max(h, w)) / Math.max(h, w)));
      Object.assign(side.canvas, { width: w * scale, height: h * scale });
      const context = side.canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, w * scale, h * scale);
      side.scale = scale;
      const what = i === 0 ? `image${shape[0] === 3 ? `, ${CHANNELS[channel]}` : ""}` : label(nodes[i]);
      const which = i === 0 || single(i) ? "" : `, map ${channel} of ${shape[0]}`;
      const role = side === input ? "What goes in" : "What comes out", one = single(i) ? "number" : "pixel";
      const many = single(i) ? size(shape) : [h, w].join(TIMES);
      side.caption.textContent = `${role}: ${what}${which}, ${many}. ` +
        (side === input && node().rule?.rows ? `Point at a ${one} to see where it went.` :
          side === output ? `Point at a ${one} to see how it was computed.` : "");
      side.canvas.setAttribute("aria-label", `${role}: ${what}${which}, ${many}; arrow keys choose a ${one}`);
      colours.replaceChildren("below zero", gradient(), "above zero, each map on its own scale");
    }

    function picture(canvas) {
      const values = cnnlite.array(data.images.values), [, C, H, W] = values.shape, n = C * H * W;
      drawPixels(canvas, values.subarray(chosen.image * n, (chosen.image + 1) * n), C, H, W);
    }

    function mark(side, i, channel, at) {
      const [r, c] = cellOf(i, channel, at);
      outline(side, r, c, r + 1, c + 1);
    }

    function outline(side, top, left, bottom, right) {
      const context = side.canvas.getContext("2d"), { scale } = side;
      const box = [left * scale, top * scale, (right - left) * scale, (bottom - top) * scale];
      for (const [width, color] of [[5, cnnlite.color("--paper")], [2.5, cnnlite.color("--ink")]]) {
        Object.assign(context, { lineWidth: Math.max(width, width * side.canvas.width / 400), strokeStyle: color });
        context.strokeRect(...box);
      }
    }

    function around(side, rows, columns) {
      const [r, c] = [rows, columns].map((places) => places.filter((place) => place >= 0));
      if (r.length && c.length) {
        outline(side, Math.min(...r), Math.min(...c), Math.max(...r) + 1, Math.max(...c) + 1);
      }
    }

    // ---- the arithmetic of a window ----
    function showWindow(found) {
      const { rule } = node(), { channels, terms, KH, KW, rows, columns, sums, bias, value, output: y } = found;
      if (!single(node().inputs[0])) around(input, rows, columns);
      mark(output, chosen.layer, chosen.map, chosen.at);
      const all = channels.length <= 3 && KW <= WIDE;
      const listed = all ? channels.map((c, i) => i) : [channels.indexOf(chosen.channel)];
      const parts = listed.flatMap((i) => {
        const most = (key) => Math.max(...terms.map((one) => largestOf(one.map((term) => term[key]))));
        const cell = (key) => (r, c) => {
          const term = terms[i][r * KW + c];
          if (!term.tap) return { value: null };
          const where = term.inside ? `row ${rows[r]}, column ${columns[c]}` : "padding";
          return { value: term[key], largest: most(key), look: term.inside ? "" : "outside", title: where };
        };
        const name = channelName(channels[i]);
        const sign = (content) => element("span", { className: "sign", textContent: content, "aria-hidden": "true" });
        if (rule.type === "maximum") {
          const largest = (r, c) => (terms[i][r * KW + c].weight ? { look: "here" } : {});
          const patch = (r, c) => ({ ...cell("value")(r, c), ...largest(r, c) });
          return element("div", { className: "products" }, grid(`patch of ${name}`, KH, KW, patch));
        }
        return element("div", { className: "products" },
          grid(`patch of ${name}`, KH, KW, cell("value")), sign(TIMES),
          grid(rule.type === "mix" ? "shares" : "weights", KH, KW, cell("weight")), sign("="),
          grid("products", KH, KW, cell("product")));
      });
      const total = sums.reduce((sum, one) => sum + one, 0), many = channels.length * KH * KW;
      const what = rule.type === "maximum" ? "the largest" : `sum of ${many.toLocaleString("en")} products`;
      const equation = element("p", { className: "equation" }, `${what}: `);
      if (bias !== null) equation.append(`${text(total)}, plus bias ${text(bias)}: `);
      equation.append(element("b", { textContent: text(value) }));
      if (Math.abs(value - y) > 1e-4 * (1 + Math.abs(y))) equation.append(` (the layer gave ${text(y)})`);
      middle.replaceChildren(heading(), ...parts, equation, chain());
      if (channels.length > 1) middle.append(terms_(channels, sums));
    }

    function heading() {
      const where = single(chosen.layer) ? "" : `, row ${chosen.at[0]}, column ${chosen.at[1]}`;
      const name = called(chosen.layer, chosen.map);
      return element("h3", { textContent: `${name[0].toUpperCase()}${name.slice(1)}${where}` });
    }

    function channelName(channel) {
      if (node().inputs[0] === 0 && before().shape[0] === 3) return CHANNELS[channel];
      if (before().shape[1] * before().shape[2] > 1) return `map ${channel}`;
      const source = nodes[before().inputs[0]];
      if (before().rule?.type !== "same" || !source || source.shape[1] * source.shape[2] === 1) {
        return `number ${channel}`;
      }
      const [, h, w] = source.shape, rest = channel % (h * w);
      return `map ${Math.floor(channel / (h * w))} (${Math.floor(rest / w)}, ${rest % w})`;
    }

    function terms_(channels, sums) {
      const order = channels.map((channel, i) => i).sort((a, b) => Math.abs(sums[b]) - Math.abs(sums[a]));
      const top = order.slice(0, TERMS), largest = Math.abs(sums[top[0]]) || 1;
      const rest = order.slice(TERMS).reduce((sum, i) => sum + sums[i], 0);
      const lines = top.map((i) => {
        const amount = element("i"), share = 50 * Math.abs(sums[i]) / largest;
        amount.style.background = cnnlite.color(sums[i] < 0 ? "--wrong" : "--right");
        amount.style.width = `${share}%`;
        amount.style[sums[i] < 0 ? "right" : "left"] = "50%";
        const button = element("button", { type: "button" },
          element("span", { textContent: channelName(channels[i]) }),
          element("span", { className: "bar" }, amount),
          element("span", { className: "number", textContent: text(sums[i]) }));
        button.setAttribute("aria-pressed", channels[i] === chosen.channel);
        button.addEventListener("click", () => {
          chosen.channel = channels[i];
          bring();
          middle.querySelector(".terms [aria-pressed=true]")?.focus();
        });
        return button;
      });
      const note = order.length > TERMS ? `and ${order.length - TERMS} more: ${text(rest)}` : "";
      const head = element("span", { className: "faint", textContent: "What adds most to the sum; choose one to see its patch:" });
      return element("div", { className: "terms", role: "group", "aria-label": "The sum, by what goes in" },
        head, ...lines, element("span", { className: "faint", textContent: note }));
    }

    // What the number becomes in the layers that follow it alone.
    function chain() {
      const found = element("div", { className: "chain" });
      let at = chosen.layer;
      for (;;) {
        const next = nodes.findIndex((other) => other.inputs.includes(at));
        const users = nodes.filter((other) => other.inputs.includes(at)).length;
        const kind = nodes[next]?.rule?.type;
        if (users !== 1 || !["affine", "activation", "sum"].includes(kind)) break;
        const [, h, w] = nodes[next].shape;
        const value = net.values(next, chosen.image)?.[(chosen.map * h + chosen.at[0]) * w + chosen.at[1]];
        if (value === undefined) break;
        found.append(element("span", { textContent: `then ${label(nodes[next])}: ${text(value)}` }));
        at = next;
      }
      return found;
    }

    // ---- one number, without a window ----
    function showNumber({ x, other, numbers, output: y }) {
      const { rule } = node(), [r, c] = chosen.at;
      if (!output.box.hidden) mark(output, chosen.layer, chosen.map, [r, c]);
      if (before()?.shape.join() === node().shape.join() && !input.box.hidden) {
        mark(input, node().inputs[0], chosen.channel, [r, c]);
      }
      const lines = [heading()];
      const say = (content) => lines.push(element("p", { className: "equation", textContent: content }));
      if (y === undefined) say(`The numbers of this layer are not in the page: ${node().why || "it takes what is not there"}.`);
      else if (!rule) say(`${text(y)} (${node().why})`);
      else if (numbers) {
        const { mean, variance, eps, weight, bias } = numbers;
        say("(x \u2212 mean) / \u221a(variance + eps) \u00d7 weight + bias");
        say(`(${text(x)} ${MINUS} ${text(mean)}) / \u221a(${text(variance)} + ${text(eps)}) ${TIMES} ` +
          `${text(weight)} + ${text(bias)} = ${text(y)}`);
      } else if (rule.type === "activation") {
        say(rule.formula);
        say(`x = ${text(x)} becomes ${text(y)}`);
      } else if (rule.type === "sum") say(`body ${text(x)} + shortcut ${text(other)} = ${text(y)}`);
      else say(`${text(y)}`);
      middle.replaceChildren(...lines, chain());
    }

    // ---- the way back ----
    function showBack({ outputs, windows, weight }) {
      const [r, c] = chosen.from, numbers = single(chosen.layer) && single(node().inputs[0]);
      mark(input, node().inputs[0], chosen.channel, [r, c]);
      const many = windows.length * outputs.length, { type } = node().rule;
      const where = single(node().inputs[0]) ? "" : `, row ${r}, column ${c}`;
      const lines = [element("h3", { textContent: `Where ${channelName(chosen.channel)}${where} went` })];
      const say = (content) => lines.push(element("p", { textContent: content }));
      const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
      if (!many) say("Nowhere: no window sees this pixel, so it gets no gradient.");
      else if (numbers) {
        say(`Into ${plural(many, "number")}. Its gradient is the sum of theirs, each times its weight.`);
        const [h, w] = extent(chosen.layer), largest = largestOf(outputs.map((f) => weight(f, windows[0])));
        lines.push(grid("weights, by the number that comes out", h, w, (i, k) => {
          const f = i * w + k, there = f < outputs.length;
          return { value: there ? weight(f, windows[0]) : null, largest, title: there ? called(chosen.layer, f) : "" };
        }));
      } else {
        const rows = [...new Set(windows.map(({ oh }) => oh))], columns = [...new Set(windows.map(({ ow }) => ow))];
        around(output, rows, columns);
        const map = outputs.includes(chosen.map) ? chosen.map : outputs[0];
        const weights = windows.map((one) => weight(map, one)), largest = largestOf(weights);
        say(`Into ${plural(windows.length, "place")} of ${plural(outputs.length, "map")}: it got gradient from ` +
          `${plural(many, "number")}. Its own is the sum of theirs, each times its weight.`);
        lines.push(grid(`weights, by the place in map ${map}`, rows.length, columns.length, (i, k) => {
          const here = windows.findIndex(({ oh, ow }) => oh === rows[i] && ow === columns[k]);
          return { value: here < 0 ? null : weights[here], largest, title: `row ${rows[i]}, column ${columns[k]}` };
        }));
        if (type === "weighted" && windows.length > 1) say("It is the kernel, turned by 180\u00b0.");
        if (type === "maximum") say("The weight is 1 where it was the largest of its window, and 0 elsewhere.");
      }
      middle.replaceChildren(...lines);
    }

    // ---- the strips ----
    function fillStrips() {
      images.replaceChildren(...data.names.map((name, i) => {
        const shot = cnnlite.picture(data.sheet, i, `image ${name}: ${data.labels[i]}`, []).firstChild;
        const button = element("button", { type: "button", title: `image ${name}` }, shot,
          element("span", { textContent: data.labels[i] }),
          element("span", { className: "faint", textContent: data.said[i] }));
        button.addEventListener("click", () => choose({ image: i }));
        return button;
      }));
      layers.replaceChildren(...shown.map((i) => {
        const button = element("button", { type: "button", title: nodes[i].text || label(nodes[i]) }, element("canvas"),
          element("span", { textContent: label(nodes[i]) }),
          element("span", { className: "faint", textContent: size(nodes[i].shape) }));
        button.addEventListener("click", () => choose({ layer: i, map: 0, at: null, channel: -1, from: null }));
        return button;
      }));
    }

    // The first four maps of each layer, one layer after the other while nothing else happens.
    let turn = 0;
    function thumbnails() {
      const mine = ++turn, later = window.requestIdleCallback ?? ((work) => setTimeout(work, 16));
      const step = (at) => later(() => {
        if (mine !== turn || signal.aborted) return;
        layers.ariaBusy = at < shown.length;
        if (at >= shown.length) return;
        thumbnail(layers.children[at].querySelector("canvas"), net.values(shown[at], chosen.image), nodes[shown[at]].shape);
        step(at + 1);
      });
      step(0);
    }

    fillStrips();
    let lastImage = -1, seen = false;
    const refresh = () => {
      if (lastImage !== chosen.image) { [lastImage] = [chosen.image]; thumbnails(); }
    };
    const start = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting || seen) return;
      seen = true;
      show();
      refresh();
    }, { rootMargin: "400px" });
    start.observe(section);
    signal.addEventListener("abort", () => {
      stop();
      start.disconnect();
    });
    images.addEventListener("click", refresh);
    section.addEventListener("cnnlite:theme", () => {
      if (!seen) return;
      show();
      thumbnails();
    }, { signal });
  };
})();
