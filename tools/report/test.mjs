// The page in headless Chromium: node test.mjs RUN.html STUDY.html [FOLDER for screenshots]. RUN is of one run with a
// timeline and an explanation, STUDY of a sweep. Exits 77 with the reason where Chromium is missing.
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const browserPath = process.env.MOESIM_CHROMIUM ?? '/usr/bin/chromium';
const skip = (reason) => { console.log(`skipped: ${reason}`); process.exit(77); };
if (!existsSync(browserPath)) skip(`no ${browserPath} (Debian package chromium)`);
if (!existsSync(join(here, 'node_modules', 'playwright-core'))) skip('no node_modules: run npm ci in tools/report');

const {chromium} = await import('playwright-core');
const [runPage, studyPage, shots] = process.argv.slice(2);
const axe = readFileSync(join(here, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');
const profile = mkdtempSync(join(tmpdir(), 'moesim-page-'));
const browser = await chromium.launchPersistentContext(profile, {executablePath: browserPath, headless: true, viewport: {width: 1280, height: 900},
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']});

const faults = [];
const check = (holds, what) => { if (!holds) faults.push(what); };

const watched = async () => {
  const page = await browser.newPage();
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`); });
  page.on('pageerror', (error) => faults.push(`error: ${error.message}\n${error.stack}`));
  page.on('request', (request) => { if (!request.url().startsWith('file:') && !request.url().startsWith('data:') && !request.url().startsWith('blob:')) faults.push(`request: ${request.url()}`); });
  return page;
};

// Seconds of the faster of two times: the first starts the browser's processes as well.
const open = async (page, file) => {
  const times = [];
  for (let time = 0; time < 2; ++time) {
    const begin = Date.now();
    await page.goto(pathToFileURL(resolve(file)).href);
    await page.waitForSelector('html[data-ready=yes]', {timeout: 20000});
    times.push((Date.now() - begin) / 1000);
  }
  return Math.min(...times);
};

const accessible = async (page, what) => {
  // The page's policy keeps scripts of others out; the test's own comes in beside it.
  await page.evaluate(axe);
  const {violations} = await page.evaluate(() => globalThis.axe.run(document, {resultTypes: ['violations']}));
  for (const {id, impact, nodes} of violations)
    if (['serious', 'critical'].includes(impact)) faults.push(`${what}: ${id} (${impact}): ${nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(' | ')}`);
};

const shoot = async (page, name, width) => {
  if (!shots) return;
  await page.setViewportSize({width, height: 1000});
  await page.waitForTimeout(400);
  await page.screenshot({path: join(shots, `${name}-${width}.png`), fullPage: true});
};

const drawn = (page) => page.evaluate(() => [...document.querySelectorAll('.chart')].map((box) => ({
  label: box.getAttribute('aria-label'), width: box.clientWidth, marks: box.querySelectorAll('svg path, canvas').length})));

try {
  const run = await watched();
  const runSeconds = await open(run, runPage);
  const cards = await run.$$eval('main h2', (heads) => heads.map((head) => head.textContent));
  for (const title of ['Where the step goes', 'Critical path', 'Devices and links']) check(cards.some((card) => card.startsWith(title)), `no card "${title}" in ${cards}`);
  for (const chart of await drawn(run)) check(chart.width > 200 && chart.marks > 0, `an empty chart: ${JSON.stringify(chart)}`);
  await accessible(run, 'run, light');
  await shoot(run, 'run', 1280);
  await shoot(run, 'run', 1920);
  await run.click('#theme');
  await accessible(run, 'run, dark');
  await shoot(run, 'run-dark', 1280);
  if (cards.includes('Timeline')) {
    const zoomable = run.locator('[aria-label^="Timeline: plus"]');
    await zoomable.focus();
    for (const key of ['+', '+', 'ArrowRight', '+']) await run.keyboard.press(key);
    await run.waitForTimeout(300);
    if (shots) await zoomable.screenshot({path: join(shots, 'timeline-zoomed.png')});
  }
  await run.emulateMedia({media: 'print'});
  if (shots) await run.pdf({path: join(shots, 'run.pdf'), format: 'A4'});
  await run.close();

  const study = await watched();
  const studySeconds = await open(study, studyPage);
  const rows = await study.$$('.runs tbody tr');
  check(rows.length > 1, `${rows.length} rows in the table`);
  for (const chart of await drawn(study)) check(chart.width > 200 && chart.marks > 0, `an empty chart: ${JSON.stringify(chart)}`);
  await accessible(study, 'study');
  await shoot(study, 'study', 1280);
  await shoot(study, 'study', 1920);
  // Sorted by what the heading says, in both directions.
  const column = async () => study.$$eval('.runs tbody tr', (list) => list.map((row) => Number(row.dataset.run)));
  await study.click('.runs thead button:text-is("MFU")');
  const down = await column();
  await study.click('.runs thead button:text-is("MFU")');
  const up = await column();
  check(down.length === up.length && down[0] !== up[0], 'clicking a heading twice does not turn the order');
  const before = (await column()).length;
  await study.fill('.runs-filter, input[type=search]', 'mfu>1000');
  check((await column()).length === 0, 'a filter that nothing passes leaves rows');
  await study.fill('input[type=search]', '');
  check((await column()).length === before, 'rows are gone after the filter is');
  const name = await study.$eval('.runs tbody tr a', (link) => link.textContent);
  await study.click('.runs tbody tr td:nth-child(2)');
  await study.waitForFunction(() => document.querySelector('main h2')?.textContent === 'Where the step goes', null, {timeout: 5000});
  check((await study.textContent('h1')) === name, `a click on ${name} shows ${await study.textContent('h1')}`);
  check((await study.$$('dl.figures div')).length > 4, 'the run shows no figures');
  await accessible(study, 'run of the study');
  await study.goBack();
  await study.waitForSelector('.runs tbody tr');
  check((await study.evaluate(() => document.activeElement?.textContent)) === name, 'focus does not return to the row');
  await study.close();
  console.log(`opened in ${runSeconds.toFixed(2)} s (run) and ${studySeconds.toFixed(2)} s (study)`);
  const most = Number(process.env.MOESIM_PAGE_SECONDS ?? 20); // a machine at rest needs less than 3
  check(runSeconds < most && studySeconds < most, `takes more than ${most} s to open`);
} catch (error) {
  faults.push(`the test itself: ${error.stack}`);
} finally {
  await browser.close();
  rmSync(profile, {recursive: true, force: true});
}
for (const fault of faults) console.log(fault);
process.exit(faults.length > 0 ? 1 : 0);
