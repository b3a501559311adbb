// check-report: opens HTML reports in a browser and holds what is drawn against the JSON of the same run.
//
// usage: node check-report.mjs FOLDER CHROMIUM
//
// FOLDER holds NAME.html with NAME.json, and gets pictures of each: NAME-light.png, -dark.png, -narrow.png, .pdf.
import { chromium } from 'playwright-core';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const [folder, executablePath] = process.argv.slice(2);
const names = readdirSync(folder).filter((name) => name.endsWith('.html')).map((name) => name.slice(0, -5)).sort();
let failed = 0, checked = 0;

function check(condition, name, text) {
  checked++;
  if (!condition) {
    failed++;
    console.log(`${name}: ${text}`);
  }
}

const sum = (values) => values.reduce((a, b) => a + b, 0);
const near = (a, b, slack) => Math.abs(a - b) <= slack;

// --- what a person sees, measured in the page ---

function measure() {
  const box = (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x, y, width, height };
  };
  const style = (element) => getComputedStyle(element);
  const plots = [...document.querySelectorAll('svg.plot')].map((svg) => ({
    box: box(svg),
    caption: svg.parentElement.querySelector('figcaption').textContent,
    axis: [...svg.parentElement.querySelectorAll('.axis span')].map((span) => span.textContent),
    spans: [...svg.querySelectorAll('g')].map((g) => ({
      title: g.querySelector('title').textContent,
      rects: [...g.querySelectorAll('rect')].map((rect) => ({ class: rect.getAttribute('class'), ...box(rect) })),
    })),
  }));
  const services = [...document.querySelectorAll('.services tr')].slice(1).map((row) => ({
    cells: [...row.querySelectorAll('td')].map((cell) => cell.textContent.trim()),
    width: box(row.querySelector('svg')).width,
    rects: [...row.querySelectorAll('rect')].map((rect) => ({ class: rect.getAttribute('class'), ...box(rect) })),
  }));
  const ladders = [...document.querySelectorAll('svg.ladder')].map((svg) => ({
    box: box(svg),
    labels: [...svg.querySelectorAll('.label')].map((text) => ({ text: text.textContent, ...box(text) })),
    offsets: [...svg.querySelectorAll('.offset')].map((text) => ({ text: text.textContent, ...box(text) })),
    frames: [...svg.querySelectorAll('.rung title')].map((title) => Number(title.textContent.split(' ')[1])),
    arrows: [...svg.querySelectorAll('.rung')].map((rung) => ({ bad: rung.classList.contains('bad'), ...box(rung) })),
    end: svg.parentElement.querySelector('figcaption ~ p:last-of-type').textContent,
  }));
  const scrollers = new Set([...document.querySelectorAll('pre')]);
  const wide = [...document.querySelectorAll('body *')].filter((element) => {
    for (let up = element; up; up = up.parentElement)
      if (scrollers.has(up))
        return false;
    const rect = element.getBoundingClientRect();
    return rect.width > 0 && rect.right > document.documentElement.clientWidth + 1;
  }).map((element) => `${element.tagName} ${element.textContent.slice(0, 40)}`);
  return {
    plots, services, ladders, wide,
    main: { scroll: document.querySelector('main').scrollWidth, client: document.querySelector('main').clientWidth },
    page: { scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth,
            height: document.documentElement.scrollHeight },
    text: document.body.innerText,
    cards: document.querySelectorAll('article').length,
    open: [...document.querySelectorAll('article')].filter((card) => card.getBoundingClientRect().height > 0).length,
    scripts: document.scripts.length,
    elements: document.querySelectorAll('*').length,
    colours: {
      background: style(document.body).backgroundColor, text: style(document.body).color,
      soft: style(document.querySelector('.brand')).color,
      fills: [...new Set([...document.querySelectorAll('svg rect')].map((rect) => style(rect).fill))],
    },
    smallest: Math.min(...[...document.querySelectorAll('p,td,dd,li,h3,pre')].map((e) => parseFloat(style(e).fontSize))),
  };
}

function luminance(colour) {
  const [r, g, b] = colour.match(/\d+(\.\d+)?/g).map(Number).map((value) => {
    const part = value / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}

// --- held against the report's own numbers ---

function checkActivity(name, seen, report) {
  const activity = report.activity;
  if (!activity) {
    check(seen.plots.length === 0, name, 'a plot of nothing');
    return;
  }
  const used = activity.frames.length;
  const frames = seen.plots.find((plot) => plot.caption.startsWith('Frames in'));
  const drops = seen.plots.find((plot) => plot.caption.startsWith('Drops'));
  check(frames !== undefined, name, 'no plot of frames');
  check((drops !== undefined) === (sum(activity.drops) > 0), name, 'a plot of drops there is not, or the other way round');
  const inbound = report.summary.frames.seen - report.summary.frames.outbound;
  check(sum(activity.frames) === inbound, name, `activity counts ${sum(activity.frames)} of ${inbound} inbound frames`);
  check(sum(activity.lost) + sum(activity.harmless) === ['dropped', 'unhandled', 'refused', 'silent']
    .reduce((total, fate) => total + report.summary.frames[fate], 0), name, 'activity counts other losses than the summary');
  check(sum(activity.drops) <= report.summary.drops.matched + report.summary.drops.unmatched, name, 'too many drops');
  for (const [plot, columns] of [[frames, { lost: 'fill-bad', unexplained: 'fill-warn', harmless: 'fill-calm' }],
                                 [drops, { drops: 'fill-drop' }]]) {
    if (plot === undefined)
      continue;
    const together = Math.ceil(used / 128);
    const spans = Math.ceil(used / together);
    check(plot.spans.length === spans, name, `${plot.spans.length} spans drawn of ${spans}`);
    const whole = plot === frames ? 'frames' : 'drops';
    const totals = plot.spans.map((_, i) => sum(activity[whole].slice(i * together, (i + 1) * together)));
    const most = Math.max(...totals);
    check(plot.caption.endsWith(`at most ${most}`), name, `caption "${plot.caption}", but the most is ${most}`);
    check(plot.box.width > 200 && plot.box.height > 40, name, `plot of ${plot.box.width} by ${plot.box.height}`);
    check(plot.axis.length === 2 && plot.axis.every((text) => /^\d\d:\d\d:\d\d$/.test(text)), name, `axis ${plot.axis}`);
    plot.spans.forEach((span, i) => {
      const numbers = (column) => sum(activity[column].slice(i * together, (i + 1) * together));
      check(span.title.includes(`: ${numbers('frames')} frame`), name, `title "${span.title}"`);
      check(span.title.includes(`, ${numbers('drops')} drop`), name, `title "${span.title}"`);
      check(numbers('lost') === 0 || span.title.includes(`, ${numbers('lost')} lost`), name, `title "${span.title}"`);
      const height = sum(span.rects.map((rect) => rect.height));
      const wanted = totals[i] / most * plot.box.height;
      // What is small is drawn two hundredths high at least, of each kind.
      check(near(height, wanted, plot.box.height * 0.06), name, `span ${i}: ${height} px high instead of ${wanted}`);
      for (const [column, fill] of Object.entries(columns)) {
        const rect = span.rects.find((one) => one.class === fill);
        check((rect !== undefined) === (numbers(column) > 0), name, `span ${i}: ${column} ${numbers(column)} and its bar disagree`);
        if (rect !== undefined)
          check(near(rect.height, numbers(column) / most * plot.box.height, plot.box.height * 0.03), name,
                `span ${i}: ${column} is ${rect.height} px high`);
      }
    });
  }
}

function checkServices(name, seen, report) {
  check(seen.services.length === Math.min(report.services.length, 20), name, `${seen.services.length} services`);
  seen.services.forEach((row, i) => {
    const service = report.services[i];
    check(row.cells[0] === service.name && row.cells[1] === String(service.lost + service.harmless + service.unexplained) &&
          row.cells[2] === String(service.seen), name, `service ${row.cells.slice(0, 3)}`);
    const lost = row.rects.find((rect) => rect.class === 'fill-bad');
    check((lost !== undefined) === (service.lost > 0), name, `${service.name}: bar of losses`);
    if (lost !== undefined)
      check(near(lost.width, service.lost / service.seen * row.width, row.width * 0.01), name,
            `${service.name}: ${lost.width} of ${row.width} px for ${service.lost} of ${service.seen}`);
    check(near(sum(row.rects.map((rect) => rect.width)), row.width, row.width * 0.02), name, `${service.name}: bar not full`);
  });
}

function checkLadders(name, seen, report) {
  check(seen.ladders.length === report.examples.length, name, `${seen.ladders.length} ladders`);
  seen.ladders.forEach((ladder, i) => {
    const example = report.examples[i];
    const failedOne = example.role === 'unanswered';
    const packets = example.frames.length + (example.answer_frame ? 1 : 0) + (example.established_frame ? 1 : 0);
    check(ladder.labels.length === packets && ladder.arrows.length === packets, name, `${ladder.labels.length} rungs of ${packets}`);
    check(ladder.labels.filter((label) => /^SYN(, retry \d+)?$/.test(label.text)).length === example.frames.length, name,
          'not every SYN has its rung');
    check(ladder.labels.some((label) => label.text === 'SYN-ACK') === !failedOne, name, 'an answer where there is none, or none');
    check(example.frames.every((frame) => ladder.frames.includes(frame)), name, `frames ${ladder.frames}`);
    check(ladder.arrows.filter((arrow) => arrow.bad).length === (failedOne ? example.frames.length : 0), name, 'colours of arrows');
    const tops = ladder.labels.map((label) => label.y);
    check(tops.every((y, k) => k === 0 || y > tops[k - 1]), name, 'rungs are not in order');
    const offsets = ladder.offsets.map((offset) => parseFloat(offset.text));
    check(offsets.every((s, k) => k === 0 || s >= offsets[k - 1]), name, `offsets ${offsets}`);
    example.frames.forEach((frame, k) => {
      const wanted = Number(example.times[k]) - Number(example.first);
      const at = offsets[ladder.frames.indexOf(frame)];
      check(near(at, wanted, Math.max(0.06, wanted * 0.06)), name, `frame ${frame} at +${at} s instead of ${wanted}`);
    });
    // Letters that can be read, and do not lie on one another.
    check(ladder.labels.every((label) => label.height >= 11), name, `letters ${ladder.labels.map((label) => label.height)}`);
    ladder.labels.forEach((label, k) => {
      const left = ladder.offsets[k];
      check(left.x + left.width <= label.x, name, `"${left.text}" runs into "${label.text}"`);
    });
  });
}

async function checkPage(browser, name) {
  const url = `file://${join(folder, name)}.html`;
  const report = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  for (const [look, options] of [
    ['light', { colorScheme: 'light', viewport: { width: 1100, height: 900 } }],
    ['dark', { colorScheme: 'dark', viewport: { width: 1100, height: 900 } }],
    ['narrow', { colorScheme: 'light', viewport: { width: 380, height: 800 }, deviceScaleFactor: 2, isMobile: true }],
  ]) {
    const label = `${name} (${look})`;
    // What the page can do without script is all it does; measuring comes from outside.
    const context = await browser.newContext({ ...options, javaScriptEnabled: look === 'dark' });
    const page = await context.newPage();
    const messages = [], requests = [];
    page.on('console', (message) => messages.push(message.text()));
    page.on('pageerror', (error) => messages.push(String(error)));
    page.on('dialog', (dialog) => { messages.push(dialog.message()); dialog.dismiss(); });
    page.on('request', (request) => requests.push(request.url()));
    const began = Date.now();
    await page.goto(url, { waitUntil: 'load' });
    const seen = await page.evaluate(measure);
    check(Date.now() - began < 20000, label, `took ${Date.now() - began} ms`);
    await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: seen.page.height < 16000 });
    check(messages.length === 0, label, `console: ${messages}`);
    check(requests.length === 1 && requests[0] === url, label, `requests: ${requests}`);
    check(seen.scripts === 0, label, 'holds a script');
    check(seen.text.includes(report.summary.verdict), label, 'the verdict is not to be seen');
    check(seen.cards === report.findings.length, label, `${seen.cards} findings of ${report.findings.length}`);
    check(seen.open === Math.min(report.findings.length, 30), label, `${seen.open} findings open`);
    check(seen.page.height < 100000, label, `${seen.page.height} px high`);
    check(seen.page.scroll <= seen.page.client && seen.main.scroll <= seen.main.client, label,
          `wider than its window: ${seen.page.scroll} > ${seen.page.client}, ${seen.main.scroll} > ${seen.main.client}: ${seen.wide.slice(0, 5)}`);
    check(seen.wide.length === 0, label, `out of sight: ${seen.wide.slice(0, 5)}`);
    check(seen.smallest >= 12, label, `letters of ${seen.smallest} px`);
    const { background, text, soft, fills } = seen.colours;
    check(contrast(background, text) >= 7 && contrast(background, soft) >= 4.5, label, `contrast ${background} ${text} ${soft}`);
    check(luminance(background) > 0.5 === (look !== 'dark'), label, `background ${background}`);
    check(fills.every((fill) => contrast(fill, background) > 1.2), label, `fills ${fills}`);
    checkActivity(label, seen, report);
    checkServices(label, seen, report);
    checkLadders(label, seen, report);
    if (look === 'light') {
      // On paper: all of what is open, nothing cut off at the side.
      await page.emulateMedia({ media: 'print', colorScheme: 'light' });
      await page.pdf({ path: join(folder, `${name}.pdf`), format: 'A4', margin: { top: '12mm', bottom: '12mm', left: '12mm', right: '12mm' } });
      check(statSync(join(folder, `${name}.pdf`)).size > 5000, label, 'prints nothing');
      await page.setViewportSize({ width: 700, height: 1000 }); // A4 between its margins
      const paper = await page.evaluate(measure);
      check(paper.page.scroll <= paper.page.client && paper.main.scroll <= paper.main.client && paper.wide.length === 0, label,
            `on paper out of sight: ${paper.wide.slice(0, 5)}`);
      check(paper.plots.length === seen.plots.length && paper.plots.every((plot) => plot.box.width > 200), label, 'plots on paper');
    }
    await context.close();
  }
}

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
for (const name of names)
  await checkPage(browser, name);
console.log(`${names.length} pages, ${checked} checks, ${failed} failed; Chromium ${browser.version()}`);
await browser.close();
process.exit(failed === 0 && names.length > 0 ? 0 : 1);
