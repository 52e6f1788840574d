// Runs a network in the page: what each of its nodes gives for an image, when it is asked for.
//
//   cnnlite.network(data)    the network of Python's `graph`: { nodes, input, values, explain, wayBack }
//   values(node, image)      Float32Array of its output, null where the page cannot have it
//   explain(node, image, [channel, row, column])    how a number of its output was computed
//   wayBack(node, image, [channel, row, column])    which outputs a number of its input went into
//
// A table of windows holds the row (or column) of the input under each tap; -1 is padding, -2 no tap.
"use strict";

cnnlite.network = (() => {
  function erf(x) { // Abramowitz and Stegun 7.1.5; beyond 3 their continued fraction 7.1.14
    const z = Math.abs(x);
    if (z < 3) {
      let term = z, sum = z;
      for (let n = 1; n < 60; n++) {
        term *= -z * z / n;
        sum += term / (2 * n + 1);
      }
      return Math.sign(x) * 2 / Math.sqrt(Math.PI) * sum;
    }
    let fraction = z;
    for (let n = 40; n > 0; n--) fraction = z + n / 2 / fraction;
    return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction);
  }
  const sigmoid = (x) => 0.5 * (1 + Math.tanh(0.5 * x));
  const clip = (x, low, high) => Math.min(Math.max(x, low), high);
  const ACTIVATIONS = {
    ReLU: (x) => Math.max(x, 0),
    LeakyReLU: (x, { negative_slope }) => (x > 0 ? x : negative_slope * x),
    ReLU6: (x) => clip(x, 0, 6),
    Sigmoid: sigmoid,
    Tanh: Math.tanh,
    Softsign: (x) => x / (1 + Math.abs(x)),
    SiLU: (x) => x * sigmoid(x),
    GELU: (x, { approximate }) => (approximate === "tanh"
      ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
      : 0.5 * x * (1 + erf(x / Math.SQRT2))),
    Hardswish: (x) => x * clip(x + 3, 0, 6) / 6,
    ELU: (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
    Mish: (x) => x * Math.tanh(Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  };

  // The outputs that a tap reaches, and the inputs that they see there.
  function reached(table) {
    const [windows, taps] = table.shape;
    return Array.from({ length: taps }, (_, tap) => {
      const pairs = [];
      for (let out = 0; out < windows; out++) {
        const place = table[out * taps + tap];
        if (place >= 0) pairs.push([out, place]);
      }
      return { out: Int32Array.from(pairs, (p) => p[0]), at: Int32Array.from(pairs, (p) => p[1]) };
    });
  }

  function addTap(sum, x, plane, width, outWidth, rows, columns, factor) {
    const { out, at } = columns, n = out.length;
    for (let i = 0; i < rows.out.length; i++) {
      const to = rows.out[i] * outWidth, from = plane + rows.at[i] * width;
      for (let k = 0; k < n; k++) sum[to + out[k]] += factor * x[from + at[k]];
    }
  }

  const RULES = {
    weighted({ weight, bias, groups, rows, columns }, [x], [[, H, W]], [F, OH, OW]) {
      const [, each, KH, KW] = weight.shape, y = new Float32Array(F * OH * OW);
      const down = reached(rows), across = reached(columns);
      for (let f = 0; f < F; f++) {
        const sum = new Float64Array(OH * OW).fill(bias ? bias[f] : 0);
        const first = Math.floor(f / (F / groups)) * each;
        for (let c = 0; c < each; c++) {
          for (let tap = 0; tap < KH * KW; tap++) {
            const factor = weight[(f * each + c) * KH * KW + tap];
            const kh = Math.floor(tap / KW), plane = (first + c) * H * W;
            addTap(sum, x, plane, W, OW, down[kh], across[tap % KW], factor);
          }
        }
        y.set(sum, f * OH * OW);
      }
      return y;
    },
    mix({ rows, columns, down, across, channels }, [x], [[, H, W]], [F, OH, OW]) {
      const KH = rows.shape[1], KW = columns.shape[1], y = new Float32Array(F * OH * OW);
      for (let f = 0; f < F; f++) {
        for (let i = 0; i < OH * OW && channels[f] >= 0; i++) {
          const oh = Math.floor(i / OW), ow = i % OW;
          let sum = 0;
          for (let kh = 0; kh < KH; kh++) {
            for (let kw = 0; kw < KW; kw++) {
              const r = rows[oh * KH + kh], c = columns[ow * KW + kw];
              if (r < 0 || c < 0) continue;
              sum += down[oh * KH + kh] * across[ow * KW + kw] * x[(channels[f] * H + r) * W + c];
            }
          }
          y[f * OH * OW + i] = sum;
        }
      }
      return y;
    },
    maximum({ rows, columns }, [x], [[, H, W]], [F, OH, OW]) {
      const y = new Float32Array(F * OH * OW);
      for (let f = 0; f < F; f++) {
        for (let i = 0; i < OH * OW; i++) {
          const found = largest(x, f * H * W, W, rows, columns, Math.floor(i / OW), i % OW);
          y[f * OH * OW + i] = found.value;
        }
      }
      return y;
    },
    affine(rule, [x], [[C, H, W]]) {
      const y = new Float32Array(x.length), { mean, variance } = statistics(rule, x, C);
      for (let i = 0; i < x.length; i++) {
        const c = Math.floor(i / (H * W)), at = (values) => pick(values, c, i, C);
        y[i] = (x[i] - at(mean)) / Math.sqrt(at(variance) + rule.eps) *
          (rule.weight ? at(rule.weight) : 1) + (rule.bias ? at(rule.bias) : 0);
      }
      return y;
    },
    activation: ({ name, settings }, [x]) => x.map((value) => ACTIVATIONS[name](value, settings)),
    sum: (rule, [body, shortcut]) => body.map((value, i) => value + shortcut[i]),
    same: (rule, [x]) => x,
  };

  const pick = (values, c, i, C) =>
    (values.length === 1 ? values[0] : values.length === C ? values[c] : values[i]);

  // Running statistics, or those of the image itself, a pair for each group of channels.
  function statistics(rule, x, C) {
    if (rule.mean) return rule;
    const each = x.length / rule.groups, mean = new Float64Array(C), variance = new Float64Array(C);
    for (let g = 0; g < rule.groups; g++) {
      const group = x.subarray(g * each, (g + 1) * each);
      const m = group.reduce((sum, value) => sum + value, 0) / each;
      const v = group.reduce((sum, value) => sum + (value - m) ** 2, 0) / each;
      const [from, to] = [g, g + 1].map((n) => n * C / rule.groups);
      mean.fill(m, from, to);
      variance.fill(v, from, to);
    }
    return { mean, variance };
  }

  function largest(x, plane, width, rows, columns, oh, ow) {
    const KH = rows.shape[1], KW = columns.shape[1];
    let value = -Infinity, tap = -1;
    for (let k = 0; k < KH * KW; k++) {
      const r = rows[oh * KH + Math.floor(k / KW)], c = columns[ow * KW + (k % KW)];
      if (r < 0 || c < 0) continue;
      const here = x[plane + r * width + c];
      if (tap < 0 || here > value || (Number.isNaN(here) && !Number.isNaN(value))) {
        [value, tap] = [here, k];
      }
    }
    return { value, tap };
  }

  function decoded(node) {
    const open = (value) => (value?.base64 === undefined ? value : cnnlite.array(value));
    const rule = node.rule &&
      Object.fromEntries(Object.entries(node.rule).map(([key, value]) => [key, open(value)]));
    return { ...node, rule, values: open(node.values) };
  }

  return (data) => {
    const nodes = data.nodes.map(decoded);
    const images = Object.fromEntries(
      Object.entries(data.images).map(([key, value]) => [key, cnnlite.array(value)]));
    let known = new Map(), current = -1; // of one image at a time

    function input(image) {
      const size = images.values.length / images.values.shape[0], { scale, shift } = images;
      const x = Float32Array.from(images.values.subarray(image * size, (image + 1) * size));
      if (!scale) return x;
      const each = size / (scale.length === size ? size : scale.shape[0]);
      return x.map((pixel, i) => {
        const s = scale.length === size ? scale[i] : scale[Math.floor(i / each)];
        const t = shift.length === size ? shift[i] : shift[Math.floor(i / each)];
        return Math.fround(pixel * s) + t;
      });
    }

    function values(place, image) {
      if (image !== current) [known, current] = [new Map(), image];
      if (!known.has(place)) known.set(place, compute(place, image));
      return known.get(place);
    }

    function compute(place, image) {
      const node = nodes[place];
      if (place === 0) return input(image);
      if (node.values) {
        const size = node.values.length / node.values.shape[0];
        return node.values.subarray(image * size, (image + 1) * size);
      }
      if (!node.rule || (node.why && !node.values)) return null;
      const given = node.inputs.map((other) => values(other, image));
      if (given.includes(null)) return null;
      const shapes = node.inputs.map((other) => nodes[other].shape);
      return RULES[node.rule.type](node.rule, given, shapes, node.shape);
    }

    // What an output sees: its channels, the rows and columns of its window, and the weights.
    function seen(node, x, [f, oh, ow]) {
      const { rule } = node, [, H, W] = nodes[node.inputs[0]].shape;
      const KH = rule.rows.shape[1], KW = rule.columns.shape[1];
      const rows = Array.from(rule.rows.subarray(oh * KH, (oh + 1) * KH));
      const columns = Array.from(rule.columns.subarray(ow * KW, (ow + 1) * KW));
      let channels = [f], factor;
      if (rule.type === "weighted") {
        const each = rule.weight.shape[1];
        const first = Math.floor(f / (node.shape[0] / rule.groups)) * each;
        channels = Array.from({ length: each }, (_, c) => first + c);
        factor = (c, k) => rule.weight[(f * each + c) * KH * KW + k];
      } else if (rule.type === "mix") {
        channels = [rule.channels[f]];
        factor = (c, k) =>
          rule.down[oh * KH + Math.floor(k / KW)] * rule.across[ow * KW + (k % KW)];
      } else {
        const { tap } = largest(x, f * H * W, W, rule.rows, rule.columns, oh, ow);
        factor = (c, k) => (k === tap ? 1 : 0);
      }
      const terms = channels.map((channel, c) => Array.from({ length: KH * KW }, (_, k) => {
        const r = rows[Math.floor(k / KW)], q = columns[k % KW], inside = channel >= 0 && r >= 0 && q >= 0;
        const value = inside ? x[(channel * H + r) * W + q] : 0, weight = factor(c, k);
        return { value, weight, inside, tap: r !== -2 && q !== -2, product: value && value * weight };
      }));
      return { channels, rows, columns, KH, KW, terms };
    }

    function explain(place, image, at) {
      const node = nodes[place], { rule } = node, [f, oh, ow] = at, [, OH, OW] = node.shape;
      const output = values(place, image)?.[(f * OH + oh) * OW + ow];
      if (!rule || output === undefined) return { output };
      const given = node.inputs.map((other) => values(other, image));
      if (given.includes(null)) return { output };
      if (rule.rows) {
        const found = seen(node, given[0], at), bias = rule.bias ? rule.bias[f] : 0;
        const sums = found.terms.map((terms) => terms.reduce((sum, term) => sum + term.product, 0));
        const value = sums.reduce((sum, one) => sum + one, 0) + bias;
        return { ...found, sums, bias: rule.bias ? bias : null, value, output };
      }
      const i = (f * OH + oh) * OW + ow, x = given[0][i], [C] = nodes[node.inputs[0]].shape;
      if (rule.type !== "affine") return { x, other: given[1]?.[i], value: output, output };
      const { mean, variance } = statistics(rule, given[0], C), own = (v, one) =>
        (v ? pick(v, f, i, C) : one);
      const numbers = { mean: own(mean), variance: own(variance), eps: rule.eps };
      Object.assign(numbers, { weight: own(rule.weight, 1), bias: own(rule.bias, 0) });
      return { x, numbers, value: output, output };
    }

    function wayBack(place, image, [c, r, q]) {
      const node = nodes[place], { rule } = node;
      if (!rule?.rows) return null;
      const [, H, W] = nodes[node.inputs[0]].shape, [F] = node.shape;
      const KH = rule.rows.shape[1], KW = rule.columns.shape[1], x = values(node.inputs[0], image);
      const over = (table, taps, at) => Array.from(table).flatMap((there, k) =>
        (there === at ? [[Math.floor(k / taps), k % taps]] : []));
      const each = rule.type === "weighted" ? rule.weight.shape[1] : 0;
      const group = each && Math.floor(c / each), size = each && F / rule.groups;
      let outputs = [c];
      if (each) outputs = Array.from({ length: size }, (_, f) => group * size + f);
      if (rule.type === "mix") outputs = rule.channels.flatMap((from, f) => (from === c ? [f] : []));
      const windows = over(rule.rows, KH, r).flatMap(([oh, kh]) =>
        over(rule.columns, KW, q).map(([ow, kw]) => ({ oh, ow, kh, kw })));
      const weight = (f, { oh, ow, kh, kw }) => {
        if (each) return rule.weight[((f * each + c - group * each) * KH + kh) * KW + kw];
        if (rule.type === "mix") return rule.down[oh * KH + kh] * rule.across[ow * KW + kw];
        const { tap } = largest(x, c * H * W, W, rule.rows, rule.columns, oh, ow);
        return tap === kh * KW + kw ? 1 : 0;
      };
      return { outputs, windows, weight };
    }

    return { nodes, values, explain, wayBack };
  };
})();
