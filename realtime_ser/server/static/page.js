// The page: a file or the microphone goes to the server, its messages come back and are shown.

const $ = (id) => document.getElementById(id);
const MOST_WAITING = 4e6; // bytes that a slow network may owe before sound is given up
const LIVE_SPAN_S = 60;
const NARROW_SPAN_S = 20; // on a telephone
const still = matchMedia("(prefers-reduced-motion: reduce)");

const about = await (await fetch("about.json")).json();
const STEP_S = about.step_s;
const LABELS = about.labels;
const MEASURES = about.measures; // what the voice does, a track each
const INDEX = new Map(LABELS.map((label, index) => [label.name, index]));
const faces = new Map(
  await Promise.all([...LABELS.map((label) => label.name), "waiting"].map(async (name) => {
    const answer = await fetch(`faces/${name}.svg`);
    return [name, answer.ok ? await answer.text() : ""];
  })),
);

// ---------------------------------------------------------------------------------------- words

const percent = (share) => `${Math.round(100 * share)}\u202f%`;
const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);
function measured({ unit, digits, low }, value) {
  const sign = low === -1 && value > 0 ? "+" : ""; // against a baseline
  return `${sign}${value.toFixed(digits)} ${unit}`.trim().replace("-", "\u2212");
}

const two = (number) => String(number).padStart(2, "0");

function clock(seconds) {
  const whole = Math.floor(Math.max(0, seconds) + 1e-6);
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

function moment(seconds) {
  const tenths = Math.round(10 * Math.max(0, seconds));
  return `${two(Math.floor(tenths / 600))}:${two(Math.floor(tenths / 10) % 60)}.${tenths % 10}`;
}

function say(words) {
  $("announcement").textContent = words;
}

function complain(words) {
  $("trouble").textContent = words;
  $("trouble").hidden = !words;
}

function setState(state, words) {
  if (document.body.dataset.state === state) return;
  document.body.dataset.state = state;
  $("state").textContent = words;
  const listens = ["listening", "speech"].includes(state);
  document.title = listens ? `\u25cf ${words} \u2013 Realtime SER` : "Realtime SER";
}

// -------------------------------------------------------------------------------------- results

const STATES = ["missing", "silence", "speech", "lost", "paused"];

class Results {
  constructor(session) {
    this.session = session;
    this.length = 0;
    this.allot(1024);
    this.segments = [];
    this.markers = [];
    this.rows = { steps: [], segments: [], markers: [], voice: [] };
    this.end = null;
  }

  allot(size) {
    const old = this;
    const grown = (Kind, name, width = 1, empty = 0) => {
      const values = new Kind(size * width).fill(empty);
      if (old[name]) values.set(old[name]);
      this[name] = values;
    };
    grown(Float32Array, "probabilities", LABELS.length);
    grown(Uint8Array, "state");
    grown(Uint32Array, "segment");
    grown(Float32Array, "level");
    grown(Float32Array, "low");
    grown(Float32Array, "high");
    grown(Uint8Array, "voiced");
    for (const { name } of MEASURES) grown(Float32Array, name, 1, NaN);
    this.certain ??= new Map();
    this.size = size;
  }

  get duration() {
    return Math.max(this.length * STEP_S, this.session.duration_s ?? 0);
  }

  update(update) {
    const step = Math.round(update.time_s / STEP_S) - 1;
    while (step >= this.size) this.allot(2 * this.size);
    this.length = Math.max(this.length, step + 1);
    this.state[step] = STATES.indexOf(update.state);
    this.segment[step] = update.segment ?? 0;
    this.level[step] = update.level_dbfs;
    this.low[step] = update.low ?? 0;
    this.high[step] = update.high ?? 0;
    this.voiced[step] = update.voiced ?? 0;
    for (const { name } of MEASURES) this[name][step] = update[name] ?? NaN;
    if (update.probabilities) {
      this.probabilities.set(update.probabilities, step * LABELS.length);
    }
  }

  row({ table, text, anew }) {
    if (anew) this.rows[table] = [];
    this.rows[table].push(text);
  }

  // What there was at a time, in numbers.
  at(seconds) {
    const step = Math.min(this.length - 1, Math.max(0, Math.floor(seconds / STEP_S)));
    const state = STATES[this.state[step]] ?? "missing";
    const from = step * LABELS.length;
    const values = this.probabilities.subarray(from, from + LABELS.length);
    const number = this.segment[step];
    const segment = number ? this.segments.find((one) => one.segment === number) : undefined;
    const measures = MEASURES.map((measure) => [measure, this[measure.name][step] ?? NaN]);
    const known = measures.filter(([, value]) => state !== "missing" && !Number.isNaN(value));
    return { state, values, segment, level: this.level[step], measures: known };
  }
}

// ------------------------------------------------------------------------------------- timeline

class Timeline {
  constructor(box, canvas) {
    this.box = box;
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.results = null;
    this.cursor = null; // seconds
    this.view = { start: 0, span: LIVE_SPAN_S };
    this.live = false;
    this.nowOf = () => 0;
    this.drawn = () => {};
    this.moved = () => {};
    this.unread = () => {};
    this.due = false;
    this.shown = -Infinity; // seconds at the right edge of a live timeline
    new ResizeObserver(() => this.dress()).observe(box);
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
      matchMedia(query).addEventListener("change", () => this.dress());
    }
    this.dress();
    this.listen();
  }

  // Colours and patterns, made anew when the theme changes.
  dress() {
    const style = getComputedStyle(document.documentElement);
    const colors = new Map();
    this.color = (name) => {
      if (!colors.has(name)) colors.set(name, style.getPropertyValue(`--${name}`).trim());
      return colors.get(name);
    };
    this.theme = this.color("theme");
    this.unit = parseFloat(style.fontSize) / 16;
    this.small = Math.round(12 * this.unit);
    this.font = `${this.small}px ${style.fontFamily}`;
    this.patterns = null;
    this.ask();
  }

  show(results, { live }) {
    this.results = results;
    this.live = live;
    this.cursor = null;
    this.view = { start: 0, span: live ? LIVE_SPAN_S : Math.max(2, results.duration) };
    $("card").hidden = true;
    this.ask();
  }

  // All of it is there: it can be looked through from its start.
  settle() {
    this.live = false;
    this.view = { start: 0, span: Math.max(2, this.results.duration) };
    this.ask();
  }

  ask() {
    this.stale = true;
    this.wait();
  }

  // A live timeline is drawn when there is something new, or when it moves by a pixel.
  wait() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      const pixels = ((this.nowOf() - this.shown) * this.canvas.width) / this.view.span;
      if (this.stale || (this.view.start > 0 && pixels >= 1)) {
        this.stale = false;
        this.draw();
      }
      if (this.live && !still.matches) this.wait();
    });
  }

  get plot() {
    return { left: this.left, right: this.width - this.right };
  }

  x(seconds) {
    const { left, right } = this.plot;
    return left + ((seconds - this.view.start) / this.view.span) * (right - left);
  }

  seconds(x) {
    const { left, right } = this.plot;
    return this.view.start + ((x - left) / (right - left)) * this.view.span;
  }

  draw() {
    const { results, context } = this;
    const ratio = devicePixelRatio || 1;
    const rect = this.box.getBoundingClientRect();
    const [width, height] = [Math.round(rect.width), Math.round(rect.height)];
    if (!results || !width || !height) return;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.patterns = null;
    }
    const { small } = this;
    this.width = width;
    context.font = this.font;
    const titles = ["level", ...MEASURES.map(({ title }) => title)].map((title) => context.measureText(title).width);
    this.left = width > 620 ? Math.round(Math.max(52 * this.unit, Math.max(...titles) + 16)) : 8;
    this.right = width > 620 ? Math.round(94 * this.unit) : 8;
    if (this.live) {
      this.view.span = width > 620 ? LIVE_SPAN_S : NARROW_SPAN_S;
      this.shown = this.nowOf();
      this.view.start = Math.max(0, this.shown - this.view.span);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = this.font;
    context.textBaseline = "middle";
    const line = Math.round(1.5 * small);
    const words = { top: line, bottom: 3 * line };
    const axis = { top: height - line, bottom: height };
    const wave = Math.round(Math.min(80 * this.unit, height / 6));
    const row = Math.round(Math.min(20 * this.unit, height / 17));
    const first = axis.top - MEASURES.length * (row + 4);
    const voice = { top: first - 4 - Math.round(0.9 * small), bottom: first - 4 };
    const level = { top: voice.top - 4 - wave, bottom: voice.top - 4 };
    const areas = { top: words.bottom + 8 * this.unit, bottom: level.top - 10 };
    this.drawGrid(areas, axis);
    this.drawSpeech(areas, level);
    this.drawAreas(areas);
    this.drawGaps(areas);
    this.drawSegments(words);
    this.drawLevel(level, voice);
    MEASURES.forEach((scale, index) => {
      const top = first + index * (row + 4);
      this.drawMeasure(scale, { top, bottom: top + row });
    });
    this.drawMarkers(line, level.bottom);
    this.drawLegend(areas);
    this.drawCursor(words.top, axis.top);
    this.drawn();
  }

  title(words, y) {
    if (this.left < 20) return;
    this.context.fillStyle = this.color("muted");
    this.context.textAlign = "right";
    this.context.fillText(words, this.left - 8, y);
  }

  drawGrid(areas, axis) {
    const { context } = this;
    const { left, right } = this.plot;
    context.lineWidth = 1;
    context.strokeStyle = this.color("grid");
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const y = Math.round(areas.bottom - share * (areas.bottom - areas.top)) + 0.5;
      context.beginPath();
      context.moveTo(left, y);
      context.lineTo(right, y);
      context.stroke();
      this.title(share === 1 ? "100\u202f%" : String(100 * share), y);
    }
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
    const room = (88 * this.unit * this.view.span) / (right - left);
    const tick = steps.find((one) => one >= room) ?? 7200;
    context.textAlign = "center";
    context.fillStyle = this.color("muted");
    for (let at = Math.ceil(this.view.start / tick) * tick; at <= this.view.start + this.view.span; at += tick) {
      const x = this.x(at);
      const words = tick < 1 ? moment(at) : clock(at);
      const half = context.measureText(words).width / 2;
      if (x - half < 0 || x + half > this.width) continue;
      context.fillText(words, x, (axis.top + axis.bottom) / 2);
    }
  }

  // First and last step in sight.
  get range() {
    const first = Math.max(0, Math.floor(this.view.start / STEP_S));
    const last = Math.min(this.results.length, Math.ceil((this.view.start + this.view.span) / STEP_S) + 1);
    return [first, last];
  }

  // Stretches of steps in one state, or in some: [first, end).
  *runs(...states) {
    const wanted = states.map((state) => STATES.indexOf(state));
    const [first, last] = this.range;
    let begin = -1;
    for (let step = first; step <= last; step += 1) {
      const inside = step < last && wanted.includes(this.results.state[step]);
      if (inside && begin < 0) begin = step;
      if (!inside && begin >= 0) {
        yield [begin, step];
        begin = -1;
      }
    }
  }

  // Edges of a run in pixels, within the plot.
  edges([begin, end]) {
    const { left, right } = this.plot;
    return [Math.max(left, this.x(begin * STEP_S)), Math.min(right, this.x(end * STEP_S))];
  }

  drawSpeech(areas, level) {
    this.context.fillStyle = this.color("band");
    for (const run of this.runs("speech")) {
      const [from, to] = this.edges(run);
      this.context.fillRect(from, areas.top, to - from, level.bottom - areas.top);
    }
  }

  drawAreas(areas) {
    this.patterns ??= LABELS.map((label) => this.pattern(label));
    const { context } = this;
    const { left, right } = this.plot;
    const height = areas.bottom - areas.top;
    context.save();
    context.beginPath();
    context.rect(left, areas.top - 1, right - left, height + 2);
    context.clip();
    const shift = -((this.view.start / this.view.span) * (right - left));
    for (const run of this.runs("speech")) {
      const columns = this.columns(run);
      let lower = columns.map(() => areas.bottom);
      LABELS.forEach((label, index) => {
        const upper = columns.map((column, at) => lower[at] - column.values[index] * height);
        const shape = this.shape(columns, lower, upper);
        context.fillStyle = label.color;
        context.fill(shape);
        const pattern = this.patterns[index];
        if (pattern) {
          pattern.place(shift);
          context.fillStyle = pattern;
          context.fill(shape);
        }
        lower = upper;
      });
    }
    context.restore();
  }

  // Mean probabilities of the steps of a run, one column a pixel at most.
  columns([begin, end]) {
    const { probabilities } = this.results;
    const pixels = ((end - begin) * STEP_S * (this.plot.right - this.plot.left)) / this.view.span;
    const together = Math.max(1, Math.floor((end - begin) / Math.max(1, pixels)));
    const columns = [];
    for (let step = begin; step < end; step += together) {
      const until = Math.min(end, step + together);
      const values = new Float32Array(LABELS.length);
      for (let one = step; one < until; one += 1) {
        for (let index = 0; index < LABELS.length; index += 1) {
          values[index] += probabilities[one * LABELS.length + index] / (until - step);
        }
      }
      columns.push({ from: this.x(step * STEP_S), to: this.x(until * STEP_S), values });
    }
    return columns;
  }

  shape(columns, lower, upper) {
    const shape = new Path2D();
    columns.forEach(({ from, to }, at) => {
      if (at === 0) shape.moveTo(from, upper[0]);
      shape.lineTo(from, upper[at]);
      shape.lineTo(to, upper[at]);
    });
    for (let at = columns.length - 1; at >= 0; at -= 1) {
      shape.lineTo(columns[at].to, lower[at]);
      shape.lineTo(columns[at].from, lower[at]);
    }
    shape.closePath();
    return shape;
  }

  // Lines and dots over an area, in a darker tone, as in window and print.
  pattern({ pattern }) {
    if (!pattern.length) return null;
    const ratio = Math.max(1, Math.round(devicePixelRatio * this.unit));
    const size = about.hatch_px * ratio;
    const tile = new OffscreenCanvas(size, size);
    const context = tile.getContext("2d");
    context.strokeStyle = context.fillStyle = "rgb(0 0 0 / 0.32)";
    context.lineWidth = ratio;
    const stroke = (points) => {
      context.beginPath();
      for (const [x0, y0, x1, y1] of points) {
        context.moveTo(x0 * size, y0 * size);
        context.lineTo(x1 * size, y1 * size);
      }
      context.stroke();
    };
    const dot = (x, y) => context.fillRect(x * size - ratio / 2, y * size - ratio / 2, ratio, ratio);
    for (const kind of pattern) {
      if (kind === "horizontal") stroke([[0, 0.5, 1, 0.5]]);
      else if (kind === "vertical") stroke([[0.5, 0, 0.5, 1]]);
      else if (kind === "rising") stroke([[-0.25, 0.25, 0.25, -0.25], [0, 1, 1, 0], [0.75, 1.25, 1.25, 0.75]]);
      else if (kind === "falling") stroke([[-0.25, 0.75, 0.25, 1.25], [0, 0, 1, 1], [0.75, -0.25, 1.25, 0.25]]);
      else if (kind === "dots") [[0.25, 0.25], [0.75, 0.75]].forEach(([x, y]) => dot(x, y));
      else for (const x of [0.125, 0.375, 0.625, 0.875]) for (const y of [0.125, 0.375, 0.625, 0.875]) dot(x, y);
    }
    const made = this.context.createPattern(tile, "repeat");
    const [scale, period] = [1 / devicePixelRatio, size / devicePixelRatio];
    made.place = (shift) => made.setTransform(new DOMMatrix([scale, 0, 0, scale, shift % period, 0]));
    return made;
  }

  drawGaps(areas) {
    const { context } = this;
    for (const state of ["lost", "paused"]) {
      for (const run of this.runs(state)) {
        const [from, to] = this.edges(run);
        context.save();
        context.beginPath();
        context.rect(from, areas.top, to - from, areas.bottom - areas.top);
        context.clip();
        context.strokeStyle = this.color("border");
        context.beginPath();
        const height = areas.bottom - areas.top;
        for (let x = from - height - (from % 8); x < to; x += 8) {
          context.moveTo(x, areas.bottom);
          context.lineTo(x + height, areas.top);
        }
        context.stroke();
        context.restore();
        const words = about.gaps[state] ?? state;
        const wide = context.measureText(words).width + 12;
        if (to - from < wide) continue;
        const y = (areas.top + areas.bottom) / 2;
        context.fillStyle = this.color("background");
        context.fillRect((from + to - wide) / 2, y - this.small, wide, 2 * this.small);
        context.fillStyle = this.color("text");
        context.textAlign = "center";
        context.fillText(words, (from + to) / 2, y);
      }
    }
  }

  drawSegments(box) {
    const { context } = this;
    const { left, right } = this.plot;
    const line = (box.bottom - box.top) / 2;
    const ends = [-Infinity, -Infinity];
    const [thick, rim] = [Math.round(5 * this.unit), this.theme];
    this.results.segments.forEach((segment, number) => {
      const from = Math.max(left, this.x(segment.start_s));
      const to = Math.min(right, this.x(segment.end_s));
      if (to <= left || from >= right) return;
      const usable = !about.unusable.includes(segment.quality);
      const label = LABELS[INDEX.get(segment.label)];
      context.fillStyle = usable ? label.color : this.color("muted");
      context.fillRect(from, box.bottom, Math.max(1, to - from), thick);
      if (usable && label.outline[rim]) {
        context.strokeStyle = label.outline[rim];
        context.strokeRect(from + 0.5, box.bottom + 0.5, Math.max(1, to - from - 1), thick - 1);
      }
      const full = segment.words;
      const short = usable ? segment.label + (segment.certain ? "" : "?") : segment.quality;
      const lane = number % 2;
      const start = Math.max(from, ends[lane] + 6);
      const next = this.results.segments[number + 2];
      const until = next ? Math.min(right, Math.max(left, this.x(next.start_s))) : right;
      const words = [full, short].find((one) => start + context.measureText(one).width <= until);
      if (!words || start > to) return;
      context.fillStyle = this.color(segment.certain ? "text" : "muted");
      context.textAlign = "left";
      context.fillText(words, start, box.bottom - line * (lane + 0.5));
      ends[lane] = start + context.measureText(words).width;
    });
  }

  drawLevel(level, voice) {
    const { context, results } = this;
    const { left, right } = this.plot;
    const middle = (level.top + level.bottom) / 2;
    const half = (level.bottom - level.top) / 2;
    this.title("level", middle);
    this.title("voice", (voice.top + voice.bottom) / 2);
    const [first, last] = this.range;
    const together = Math.max(1, Math.floor((this.view.span / STEP_S) / (right - left)));
    for (let step = first; step < last; step += together) {
      let [low, high, voiced] = [0, 0, 0];
      for (let one = step; one < Math.min(last, step + together); one += 1) {
        low = Math.min(low, results.low[one]);
        high = Math.max(high, results.high[one]);
        voiced = Math.max(voiced, results.voiced[one]);
      }
      const from = Math.max(left, Math.round(this.x(step * STEP_S)));
      const to = Math.min(right, Math.round(this.x((step + together) * STEP_S)));
      if (to <= from) continue;
      context.fillStyle = high >= 0.999 || low <= -0.999 ? this.color("danger") : this.color("voice");
      const top = middle - Math.max(high * half, 0.5);
      context.fillRect(from, top, Math.max(1, to - from), Math.max(1, middle - low * half - top));
      if (voiced) {
        const tall = ((voice.bottom - voice.top) * voiced) / 4;
        context.fillRect(from, voice.bottom - tall, to - from, tall);
      }
    }
  }

  // A measure of the voice as a line, with gaps where there is none.
  drawMeasure(scale, box) {
    const { context, results } = this;
    const { left, right } = this.plot;
    const form = scale.logarithmic ? Math.log2 : (value) => value;
    const share = (value) => (form(value) - form(scale.low)) / (form(scale.high) - form(scale.low));
    const height = (value) => box.bottom - Math.min(1, Math.max(0, share(value))) * (box.bottom - box.top);
    context.save();
    context.beginPath();
    context.rect(left, box.top - 1, right - left, box.bottom - box.top + 2);
    context.clip();
    context.lineWidth = 1;
    context.strokeStyle = this.color("grid");
    context.beginPath();
    for (const value of scale.grid) {
      const y = Math.round(height(value)) + 0.5;
      context.moveTo(left, y);
      context.lineTo(right, y);
    }
    context.stroke();
    context.lineWidth = 2 * this.unit;
    context.strokeStyle = this.color("voice");
    context.beginPath();
    const [first, last] = this.range;
    const together = Math.max(1, Math.floor((this.view.span / STEP_S) / (right - left)));
    const values = results[scale.name];
    let drawing = false;
    for (let step = first; step < last; step += together) {
      let [sum, known] = [0, 0];
      for (let one = step; one < Math.min(last, step + together); one += 1) {
        if (Number.isNaN(values[one])) continue;
        sum += values[one];
        known += 1;
      }
      if (known) {
        const y = height(sum / known);
        if (!drawing) context.moveTo(this.x(step * STEP_S), y);
        context.lineTo(this.x((step + together) * STEP_S), y);
      }
      drawing = known > 0;
    }
    context.stroke();
    context.restore();
    context.lineWidth = 1;
    const middle = (box.top + box.bottom) / 2;
    this.title(scale.title, middle);
    if (this.left >= 20) return;
    context.fillStyle = this.color("background");
    context.fillRect(left, middle - this.small / 2, context.measureText(scale.title).width + 4, this.small);
    context.fillStyle = this.color("muted");
    context.textAlign = "left";
    context.fillText(scale.title, left, middle);
  }

  drawMarkers(line, bottom) {
    const { context } = this;
    const { left, right } = this.plot;
    for (const marker of this.results.markers) {
      const x = this.x(marker.time_s);
      if (x < left || x > right) continue;
      context.strokeStyle = this.color("text");
      context.setLineDash([]);
      context.beginPath();
      context.moveTo(x, 2);
      context.lineTo(x, line);
      context.stroke();
      context.setLineDash([3, 3]);
      context.beginPath();
      context.moveTo(x, line);
      context.lineTo(x, bottom);
      context.stroke();
      context.setLineDash([]);
      const words = marker.text || "marker";
      const wide = context.measureText(words).width + 8;
      context.fillStyle = this.color("raised");
      context.fillRect(x + 1, 2, wide, line - 4);
      context.fillStyle = this.color("text");
      context.textAlign = "left";
      context.fillText(words, x + 5, line / 2);
    }
  }

  // Names at the right, in the order of the areas; their own patterns stand beside.
  drawLegend(areas) {
    if (this.right < 20) return;
    const { context } = this;
    const row = Math.min(1.4 * this.small, (areas.bottom - areas.top) / LABELS.length);
    const { right } = this.plot;
    this.patterns ??= LABELS.map((label) => this.pattern(label));
    context.textAlign = "left";
    LABELS.forEach((label, index) => {
      const y = areas.top + row * (LABELS.length - 1 - index);
      const [x, size] = [right + 10 * this.unit, 0.75 * this.small];
      context.fillStyle = label.color;
      context.fillRect(x, y, 1.4 * size, size);
      if (this.patterns[index]) {
        this.patterns[index].place(0);
        context.fillStyle = this.patterns[index];
        context.fillRect(x, y, 1.4 * size, size);
      }
      if (label.outline[this.theme]) {
        context.strokeStyle = label.outline[this.theme];
        context.strokeRect(x + 0.5, y + 0.5, 1.4 * size - 1, size - 1);
      }
      context.fillStyle = this.color("text");
      context.fillText(label.name, x + 2 * size, y + size / 2);
    });
  }

  drawCursor(top, bottom) {
    const card = $("card");
    if (this.cursor === null || this.live) {
      card.hidden = true;
      return;
    }
    const x = this.x(this.cursor);
    const { left, right } = this.plot;
    card.hidden = x < left - 1 || x > right + 1;
    if (card.hidden) return;
    this.context.strokeStyle = this.color("accent");
    this.context.lineWidth = 2;
    this.context.beginPath();
    this.context.moveTo(x, top);
    this.context.lineTo(x, bottom);
    this.context.stroke();
    this.context.lineWidth = 1;
    fillCard(card, this.cursor, this.results.at(this.cursor));
    const wide = card.offsetWidth;
    card.style.left = `${x + 12 + wide < this.width ? x + 12 : Math.max(0, x - 12 - wide)}px`;
  }

  // ------------------------------------------------------------------------- mouse, touch, keys

  listen() {
    const at = (event) => this.seconds(event.clientX - this.box.getBoundingClientRect().left);
    this.box.addEventListener("pointerdown", (event) => this.go(at(event), { seek: true }));
    this.box.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" || event.buttons) this.go(at(event), { seek: event.buttons > 0 });
    });
    this.box.addEventListener("pointerleave", () => {
      if (document.activeElement !== this.box) this.leave();
    });
    this.box.addEventListener("wheel", (event) => {
      if (!this.results || this.live || !(event.ctrlKey || event.shiftKey || event.deltaX)) return;
      event.preventDefault();
      if (event.ctrlKey) this.zoom(event.deltaY > 0 ? 1.25 : 0.8, at(event));
      else this.scroll(((event.deltaX || event.deltaY) / 800) * this.view.span);
    }, { passive: false });
    this.box.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (!this.results || this.live || event.altKey || event.metaKey || event.ctrlKey) return;
    const cursor = this.cursor ?? 0;
    const by = event.shiftKey ? 1 : STEP_S;
    const goals = {
      ArrowLeft: cursor - by, ArrowRight: cursor + by, ArrowDown: cursor - by, ArrowUp: cursor + by,
      PageUp: cursor - this.view.span / 10, PageDown: cursor + this.view.span / 10,
      Home: 0, End: this.results.duration,
    };
    if (event.key in goals) this.go(goals[event.key], { seek: true });
    else if (event.key === "+" || event.key === "=") this.zoom(0.5, cursor);
    else if (event.key === "-") this.zoom(2, cursor);
    else return;
    event.preventDefault();
  }

  go(seconds, { seek = false, quietly = false } = {}) {
    if (!this.results || this.live || !this.results.length) return;
    this.cursor = Math.min(Math.max(0, seconds), this.results.duration);
    if (this.cursor < this.view.start || this.cursor > this.view.start + this.view.span) {
      this.view.start = this.within(this.cursor - this.view.span / 2);
    }
    this.ask();
    this.moved(this.cursor, { seek, quietly });
  }

  // The pointer has gone, and nobody reads by keys: the whole is shown again.
  leave() {
    if (this.cursor === null) return;
    this.cursor = null;
    this.ask();
    this.unread();
  }

  within(start) {
    return Math.max(0, Math.min(start, this.results.duration - this.view.span));
  }

  scroll(by) {
    this.view.start = this.within(this.view.start + by);
    this.ask();
  }

  zoom(factor, around) {
    const span = Math.min(Math.max(2, this.view.span * factor), Math.max(2, this.results.duration));
    this.view.start = around - ((around - this.view.start) * span) / this.view.span;
    this.view.span = span;
    this.view.start = this.within(this.view.start);
    this.ask();
  }
}

function fillCard(card, seconds, { state, values, segment, measures }) {
  const rows = [];
  if (state === "speech") {
    LABELS.forEach((label, index) => rows.push([label.name, percent(values[index])]));
  }
  for (const [scale, value] of measures) rows.push([scale.title, measured(scale, value)]);
  const title = document.createElement("p");
  const words = { speech: segment?.words ?? "speech", silence: "no speech" };
  title.textContent = `${moment(seconds)}  ${words[state] ?? about.gaps[state] ?? state}`;
  const list = document.createElement("dl");
  for (const [name, value] of rows) {
    const [term, definition] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    definition.textContent = value;
    list.append(term, definition);
  }
  card.replaceChildren(title, ...(rows.length ? [list] : []));
}

// -------------------------------------------------------------------------------------- readout

const bars = LABELS.map((label) => {
  const bar = document.createElement("div");
  bar.className = "bar";
  bar.setAttribute("role", "row");
  const [name, groove, value, fill] = ["span", "div", "span", "div"].map((tag) => document.createElement(tag));
  name.textContent = label.name;
  name.setAttribute("role", "rowheader");
  groove.className = "groove";
  groove.setAttribute("aria-hidden", "true");
  fill.className = "fill";
  fill.style.background = label.color;
  value.className = "value";
  value.setAttribute("role", "cell");
  groove.append(fill);
  bar.append(name, groove, value);
  $("bars").append(bar);
  return { bar, fill, value };
});

function showFace(element, name) {
  const drawing = new DOMParser().parseFromString(faces.get(name) || faces.get("neutral"), "image/svg+xml");
  element.setAttribute("aria-hidden", "true");
  element.style.color = LABELS[INDEX.get(name)]?.color ?? "";
  element.replaceChildren(document.adoptNode(drawing.documentElement));
}

let shownFace = "";

function showReading({ words, label, percent: share, previous, values }) {
  $("leader").textContent = words;
  $("percent").textContent = share || "\u00a0";
  $("previous").textContent = previous || "\u00a0";
  const face = label ?? "waiting";
  if (face !== shownFace) {
    shownFace = face;
    showFace($("face"), face);
  }
  bars.forEach(({ bar, fill, value }, index) => {
    const share = values?.[index] ?? 0;
    fill.style.transform = `scaleX(${share})`;
    value.textContent = values ? percent(share) : "–";
    bar.classList.toggle("leads", Boolean(label) && INDEX.get(label) === index);
  });
}

const NOTHING = { words: "no speech", label: null, percent: "", previous: "", values: null };

// What stands at the cursor of a finished timeline.
function readingAt(results, seconds) {
  const { state, values, segment } = results.at(seconds);
  if (state !== "speech") return { ...NOTHING, words: about.gaps[state] ?? "no speech" };
  if (segment && about.unusable.includes(segment.quality)) return { ...NOTHING, words: segment.quality, values };
  const best = values.reduce((most, value, index) => (value > values[most] ? index : most), 0);
  const label = LABELS[best];
  return { words: `sounds ${label.word}`, label: label.name, percent: percent(values[best]), values };
}

function readingOf(end) {
  if (!end.label) return { ...NOTHING, words: end.words === "no speech" ? "no speech" : "no result" };
  const values = end.probabilities;
  const { word } = LABELS[INDEX.get(end.label)];
  const mark = end.result.includes("?") ? "?" : "";
  return {
    words: `sounds ${word}${mark}`, label: end.label, previous: "on average",
    percent: percent(values[INDEX.get(end.label)]), values,
  };
}

// ------------------------------------------------------------------------------ tables and files

function addSegment(segment) {
  const row = document.createElement("tr");
  const cell = (content, className) => {
    const one = document.createElement("td");
    one.append(content);
    if (className) one.className = className;
    row.append(one);
  };
  const start = document.createElement("button");
  start.type = "button";
  start.textContent = moment(segment.start_s);
  start.setAttribute("aria-label", `Go to ${moment(segment.start_s)}`);
  start.addEventListener("click", () => {
    timeline.go(segment.start_s, { seek: true });
    if (!timeline.live) $("timeline").focus();
  });
  cell(start);
  cell(moment(segment.end_s));
  const usable = !about.unusable.includes(segment.quality);
  const words = document.createElement("span");
  if (usable) {
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    showFace(swatch, segment.label);
    words.append(swatch, `${segment.label}${segment.certain ? "" : "?"}`);
  } else {
    words.textContent = "–";
  }
  cell(words);
  cell(usable ? percent(segment.confidence) : "–", "number");
  cell(segment.quality ?? "");
  $("segments").append(row);
}

function offerFiles(results, stem) {
  for (const [table, ending] of [
    ["steps", ".csv"], ["segments", ".segments.csv"], ["voice", ".voice.csv"], ["markers", ".markers.csv"],
  ]) {
    const link = $(`${table}-file`);
    if (link.href) URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(new Blob(results.rows[table], { type: "text/csv" }));
    link.download = `${stem}${ending}`;
  }
  $("voice-file").hidden = results.rows.voice.length === 0;
  $("markers-file").hidden = results.markers.length === 0;
  $("downloads").hidden = false;
}

// ----------------------------------------------------------------------------------- one session

const timeline = new Timeline($("timeline"), $("canvas"));
let results = null;
let running = null; // what can be stopped or cancelled
let stem = "session";

timeline.moved = (seconds, { seek, quietly }) => {
  const reading = readingAt(results, seconds);
  showReading(reading);
  const share = reading.percent ? ` ${reading.percent}` : "";
  $("timeline").setAttribute("aria-valuenow", seconds.toFixed(2));
  const voice = results.at(seconds).measures.map(([scale, value]) => `, ${scale.title} ${measured(scale, value)}`);
  $("timeline").setAttribute("aria-valuetext", `${moment(seconds)}, ${reading.words}${share}${voice.join("")}`);
  if (seek && !quietly && !$("player").hidden) $("player").currentTime = seconds;
};

timeline.unread = () => {
  if (results.end) showReading(readingOf(results.end));
};

function begin({ live }) {
  complain("");
  $("welcome").hidden = true;
  $("work").hidden = false;
  $("after").hidden = false;
  $("summary").textContent = "";
  $("notes").replaceChildren();
  $("segments").replaceChildren();
  $("downloads").hidden = true;
  $("lost").textContent = "";
  $("rate").textContent = "";
  $("latency").textContent = "";
  $("given").textContent = "";
  $("timeline").setAttribute("aria-valuemax", "0");
  showReading(NOTHING);
  results = new Results({ duration_s: null });
  timeline.show(results, { live });
}

// Takes a message of the server, and returns whether it was the last.
function take(message) {
  switch (message.type) {
    case "session":
      results.session = message;
      $("model").textContent = `model ${message.model}`;
      timeline.show(results, { live: timeline.live });
      break;
    case "update":
      results.update(message);
      timeline.ask();
      break;
    case "reading":
      showReading(message);
      break;
    case "segment":
      results.segments.push(message);
      addSegment(message);
      if (timeline.live) {
        say(`${message.words}, ${moment(message.start_s)} to ${moment(message.end_s)}`);
        $("segments").parentElement.parentElement.scrollTop = 1e9;
      }
      break;
    case "marker":
      results.markers.push(message);
      timeline.ask();
      break;
    case "rows":
      results.row(message);
      break;
    case "progress":
      $("progress").hidden = false;
      $("progress").value = message.share;
      if (message.waiting) setState("waiting", "Waiting for its turn");
      else setState("hearing", "Hearing the file");
      break;
    case "end":
      results.end = message;
      return true;
    case "error":
      complain(message.words);
      return true;
    default:
  }
  return false;
}

function finish() {
  running = null;
  $("progress").hidden = true;
  $("cancel").hidden = true;
  $("pause").hidden = true;
  $("marking").hidden = true;
  $("record").hidden = false;
  $("record-words").textContent = "Record";
  $("choose").hidden = false;
  if (!results.length) {
    $("work").hidden = true;
    $("after").hidden = true;
    $("welcome").hidden = false;
    setState("idle", "Ready");
    return;
  }
  setState("done", "Done");
  timeline.settle();
  $("timeline").setAttribute("aria-valuemax", results.duration.toFixed(2));
  $("clock").textContent = clock(results.duration);
  offerFiles(results, stem);
  if (!results.end) return;
  $("summary").textContent = capital(`${results.end.words}.`);
  const notes = [...results.end.notes];
  if (results.end.kept) notes.push(`Kept among the sessions as ${results.end.kept}, without sound.`);
  $("notes").replaceChildren(...notes.map((words) => {
    const item = document.createElement("li");
    item.textContent = words;
    return item;
  }));
  if (timeline.cursor === null) showReading(readingOf(results.end));
  say($("summary").textContent);
}

// ------------------------------------------------------------------------------------------ file

async function hear(file) {
  if (running) return;
  if (file.size > about.upload_bytes) {
    complain(`${file.name} is larger than ${Math.round(about.upload_bytes / 1e6)} MB, the most that this `
      + "server takes: hear it with 'realtime-ser analyze'.");
    return;
  }
  stem = file.name.replace(/\.[^.]*$/, "") || "session";
  begin({ live: false });
  offerSound(file);
  setState("hearing", "Sending the file");
  $("progress").removeAttribute("value");
  $("progress").hidden = false;
  $("cancel").hidden = false;
  $("record").hidden = true;
  $("choose").hidden = true;
  const stopping = new AbortController();
  running = { stop: () => stopping.abort() };
  let ended = false;
  try {
    const query = new URLSearchParams({ name: file.name, channel: $("channel").value || "1" });
    const answer = await fetch(`files?${query}`, { method: "POST", body: file, signal: stopping.signal });
    for await (const message of lines(answer.body)) ended = take(message) || ended;
    if (!ended) complain("The connection to the server broke: what was heard until then is here.");
  } catch (error) {
    if (error.name !== "AbortError") {
      complain("The server does not answer, or took no more of the file: see whether it runs, and load the page anew.");
    }
  }
  finish();
}

async function* lines(stream) {
  let rest = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    const parts = (rest + (value ?? "")).split("\n");
    rest = parts.pop();
    for (const line of parts) yield JSON.parse(line);
    if (done) return;
  }
}

function offerSound(file) {
  const player = $("player");
  if (player.src) URL.revokeObjectURL(player.src);
  player.hidden = !file;
  if (file) player.src = URL.createObjectURL(file);
  else player.removeAttribute("src");
}

$("player").addEventListener("error", () => { $("player").hidden = true; });
$("player").addEventListener("play", () => {
  const follow = () => {
    if ($("player").paused) return;
    timeline.go($("player").currentTime, { quietly: true });
    requestAnimationFrame(follow);
  };
  follow();
});

// ------------------------------------------------------------------------------------ microphone

// When each sample was at the audio system, on the clock of the page: blocks come late, never early.
class CaptureClock {
  constructor(rate) {
    this.rate = rate;
    this.first = null;
    this.bins = [];
  }

  feed(first, count) {
    this.first ??= first;
    const now = performance.now();
    const offset = now - (1000 * (first + count - this.first)) / this.rate;
    const bin = Math.floor(now / 1000);
    if (this.bins.at(-1)?.bin === bin) this.bins.at(-1).offset = Math.min(this.bins.at(-1).offset, offset);
    else this.bins.push({ bin, offset });
    if (this.bins.length > 10) this.bins.shift();
    this.offset = Math.min(...this.bins.map((one) => one.offset));
  }

  // Milliseconds of the page's clock at which a second of the session was heard.
  at(seconds) {
    return this.offset + 1000 * seconds;
  }

  now() {
    return this.first === null ? 0 : Math.max(0, (performance.now() - this.offset) / 1000);
  }
}

class Recording {
  constructor(context, stream, track) {
    this.context = context;
    this.stream = stream;
    this.track = track;
    this.clock = new CaptureClock(context.sampleRate);
    this.latencies = [];
    this.updates = [];
    this.newest = null;
    this.ended = false;
    this.paused = false;
    this.lost = 0;
  }

  async start() {
    await this.context.audioWorklet.addModule("capture.js");
    const address = new URL("microphone", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("message", ({ data }) => this.take(JSON.parse(data)));
    this.closed = new Promise((resolve) => { this.socket.addEventListener("close", resolve); });
    await new Promise((resolve, reject) => {
      this.socket.addEventListener("open", resolve);
      this.socket.addEventListener("close", () => reject(new Error("closed")));
    });
    this.socket.send(JSON.stringify({
      type: "start", rate: this.context.sampleRate, name: this.track.label || "browser microphone",
    }));
    const node = new AudioWorkletNode(this.context, "capture", {
      numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
      channelInterpretation: "discrete",
    });
    this.port = node.port;
    this.port.onmessage = ({ data }) => (data === "stopped" ? this.sent?.() : this.send(data));
    this.source = this.context.createMediaStreamSource(this.stream);
    this.source.connect(node);
    this.track.addEventListener("ended", () => {
      complain("The microphone went away: what was heard until then is here.");
      this.stop();
    });
    await this.context.resume();
  }

  send(message) {
    const first = new DataView(message).getFloat64(0, true);
    this.clock.feed(first, (message.byteLength - 8) / 4);
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > MOST_WAITING) return; // the server sees what is missing, and says so
    this.socket.send(message);
  }

  take(message) {
    if (take(message)) this.ended = true;
    if (message.type !== "update") return;
    this.newest = message.time_s;
    if (message.state === "lost") this.lost += STEP_S;
    this.updates.push(performance.now());
    if (message.state === "speech") setState("speech", "Speech");
    else if (message.state === "paused") setState("paused", "Paused");
    else setState("listening", "Listening");
  }

  // Called when the newest update has been drawn: the next frame begins when it is on the screen.
  drawn() {
    const { newest } = this;
    if (newest === null) return;
    this.newest = null;
    if (this.paused) return;
    requestAnimationFrame(() => {
      this.latencies.push(performance.now() - this.clock.at(newest));
    });
  }

  mark(text) {
    this.socket.send(JSON.stringify({ type: "mark", text, time_s: this.clock.now() }));
  }

  pause() {
    this.paused = !this.paused;
    this.port.postMessage(this.paused ? "pause" : "resume");
    $("pause").textContent = this.paused ? "Resume" : "Pause";
    say(this.paused ? "Paused" : "Listening");
  }

  async stop() {
    if (this.stopping) return;
    this.stopping = true;
    const sent = new Promise((resolve) => { this.sent = resolve; });
    this.port.postMessage("stop");
    await Promise.race([sent, wait(500)]);
    this.release();
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "stop" }));
  }

  release() {
    this.source?.disconnect();
    this.track.stop();
    if (this.context.state !== "closed") this.context.close();
  }
}

const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function openMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("This browser gives its microphone to pages of this machine and of https alone: drop a file, or "
      + "start the server with --tls-cert and --tls-key.");
  }
  const device = $("microphones").value;
  const audio = {
    echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: { ideal: 1 },
    ...(device ? { deviceId: { exact: device } } : {}),
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const words = {
      NotAllowedError: "The browser may not use the microphone: allow it beside the address, and press Record.",
      NotFoundError: "No microphone found: plug one in, and press Record.",
      NotReadableError: "Another program holds the microphone: close it there, and press Record.",
      OverconstrainedError: "This microphone is gone: choose another, and press Record.",
    };
    throw new Error(words[error.name] ?? `The microphone cannot be used (${error.message}): choose another.`);
  }
}

// The device's own rate where the browser tells it and takes it, else the browser's.
function openContext(stream, track) {
  const rate = track.getSettings().sampleRate;
  if (rate) {
    try {
      const context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
      context.createMediaStreamSource(stream).disconnect();
      return context;
    } catch {
      // a browser that does not connect two rates
    }
  }
  return new AudioContext({ latencyHint: "interactive" });
}

function givenWords(track, context) {
  const settings = track.getSettings();
  const kinds = [["echoCancellation", "echo cancellation"], ["noiseSuppression", "noise suppression"],
    ["autoGainControl", "gain control"]];
  const on = kinds.filter(([key]) => settings[key]).map(([, words]) => words);
  const untold = kinds.filter(([key]) => settings[key] === undefined).map(([, words]) => words);
  const parts = [`${context.sampleRate.toLocaleString("en")} Hz`];
  if (on.length) parts.push(`${on.join(", ")} ON: the browser changes the sound`);
  if (untold.length) parts.push(`the browser does not tell ${untold.join(", ")}`);
  if (!on.length && !untold.length) parts.push("sound as the microphone gives it");
  return parts.join(", ");
}

async function record() {
  if (running) {
    await running.stop();
    return;
  }
  let recording = null;
  try {
    setState("asking", "Asking for the microphone");
    running = { stop: () => {} };
    const stream = await openMicrophone();
    const [track] = stream.getAudioTracks();
    recording = new Recording(openContext(stream, track), stream, track);
    stem = startedName();
    offerSound(null);
    begin({ live: true });
    running = recording;
    timeline.nowOf = () => recording.clock.now();
    timeline.drawn = () => recording.drawn();
    listMicrophones();
    await recording.start();
    $("given").textContent = givenWords(track, recording.context);
    $("record-words").textContent = "Stop";
    $("pause").hidden = $("marking").hidden = false;
    $("pause").textContent = "Pause";
    $("choose").hidden = true;
    setState("listening", "Listening");
    say("Listening");
    const ticking = setInterval(() => showFigures(recording), 500);
    await recording.closed;
    clearInterval(ticking);
    showFigures(recording);
    if (!recording.ended) complain("The connection to the server broke: what was heard until then is here.");
  } catch (error) {
    if (recording && !recording.ended) complain("The server does not take this page's sound: load the page anew.");
    else if (!recording) complain(error.message);
  }
  recording?.release();
  if (recording) finish();
  else {
    running = null;
    setState("idle", "Ready");
  }
}

function startedName() {
  const now = new Date();
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("-");
  return `${date}_${two(now.getHours())}-${two(now.getMinutes())}-${two(now.getSeconds())}`;
}

function showFigures(recording) {
  const lately = performance.now() - 10_000;
  while (recording.updates.length && recording.updates[0] < lately) recording.updates.shift();
  const sorted = recording.latencies.slice(-2000).sort((a, b) => a - b);
  const quantile = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  if (sorted.length) {
    $("latency").textContent = `sound to screen ${Math.round(quantile(0.5))} ms, 99\u202f% within ${Math.round(quantile(0.99))} ms`;
  }
  const seconds = Math.min(10, recording.clock.now());
  if (seconds > 2) $("rate").textContent = `${(recording.updates.length / seconds).toFixed(1)} updates/s`;
  $("lost").textContent = recording.lost ? `${recording.lost.toFixed(1)} s lost` : "0 lost";
  $("clock").textContent = clock(recording.clock.now());
}

async function listMicrophones() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  const chosen = $("microphones").value;
  const known = devices.filter((one) => one.kind === "audioinput" && one.label && one.deviceId !== "default");
  $("microphones").replaceChildren(new Option("the browser's choice", ""),
    ...known.map((one) => new Option(one.label, one.deviceId)));
  $("microphones").value = known.some((one) => one.deviceId === chosen) ? chosen : "";
}

// ------------------------------------------------------------------------------------- the page

$("kept").textContent = about.kept
  ? "What is heard is kept among the sessions of this server, without sound."
  : "Nothing is kept: close the page, and it is gone.";
$("storage").textContent = about.kept ? "sessions are kept, sound is not" : "nothing is kept";
$("where").textContent = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname)
  ? "the program on this machine" : location.hostname;
$("model").textContent = `model ${about.model}`;
showReading(NOTHING);

for (const { name } of LABELS) {
  const item = document.createElement("li");
  const face = document.createElement("span");
  showFace(face, name);
  item.append(face, name);
  $("faces").append(item);
}

$("record").addEventListener("click", record);
$("pause").addEventListener("click", () => running?.pause?.());
$("cancel").addEventListener("click", () => running?.stop());
$("marking").addEventListener("submit", (event) => {
  event.preventDefault();
  running?.mark?.($("marker").value);
  $("marker").value = "";
});
for (const id of ["choose", "choose-here"]) $(id).addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (file) hear(file);
});
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key.toLowerCase() === "m" && running?.mark) running.mark($("marker").value);
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file && running) complain("Something is being heard: stop it first.");
  else if (file) hear(file);
});
addEventListener("beforeunload", (event) => {
  if (running?.mark) event.preventDefault();
});
for (const id of ["record", "choose"]) $(id).disabled = false;
listMicrophones();
navigator.mediaDevices?.addEventListener?.("devicechange", listMicrophones);
