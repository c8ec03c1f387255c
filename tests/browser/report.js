// Opens reports in Chromium from disk and uses them as people do: slider, zoom, filter, hover, lasso, keyboard, print.
//
//   node report.js SAFELIGHT OUTPUTS SHOTS
//
// OUTPUTS is what outputs.py made. Pictures of every page go to SHOTS, for people to look at. CHROMIUM names the browser.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const [program, outputs, shots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
// Bars of the report of 10,000 items. Where others use the machine too, TIMES gives more time.
const times = Number(process.env.TIMES || 1);
const bars = { written: 10 * times, opened: 2 * times, bytes: 25e6 };
mkdirSync(shots, { recursive: true });

const write = (name) => {
  const output = path.join(outputs, `${name}-out`);
  const start = performance.now();
  const figures = JSON.parse(execFileSync(program, ["report", output, "--json"], { maxBuffer: 1 << 28 }));
  const seconds = (performance.now() - start) / 1000;
  // As somebody gets it by mail: somewhere else, alone.
  const folder = path.join(mkdtempSync(path.join(tmpdir(), "report ")), "a #50% report");
  execFileSync("cp", ["-r", path.join(output, "report"), folder]);
  const bytes = readdirSync(folder).reduce((sum, file) => sum + statSync(path.join(folder, file)).size, 0);
  return { figures, seconds, folder, bytes, page: "file://" + folder.split("/").map(encodeURIComponent).join("/") + "/index.html" };
};

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const passed = [];
const step = async (name, act) => {
  const start = performance.now();
  try {
    const told = await act();
    passed.push(name);
    console.log(`ok    ${name}${told ? `: ${told}` : ""} (${Math.round(performance.now() - start)} ms)`);
  } catch (error) {
    console.error(`FAIL  ${name}\n${error.stack}`);
    process.exitCode = 1;
  }
};

/** A page that notes every message, error and request that must not be. */
const open = async (report, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("requestfailed", (request) => wrong.push(`failed: ${request.url()}`));
  page.on("request", (request) => {
    const url = request.url();
    const own = path.dirname(report.page) + "/";
    if (!url.startsWith(own) && !url.startsWith("data:") && !url.startsWith("blob:")) wrong.push(`outside: ${url}`);
  });
  page.on("dialog", (dialog) => wrong.push(`dialog: ${dialog.message()}`));
  const start = performance.now();
  await page.goto(report.page, { waitUntil: "load" });
  const seconds = (performance.now() - start) / 1000;
  return { page, wrong, seconds, close: () => context.close() };
};

const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
/** The whole page, at rest: pictures that are loaded late are there. */
const shoot = async (page, name) => {
  await page.evaluate(async () => {
    document.documentElement.style.scrollBehavior = "auto";
    for (let y = 0; y < document.body.scrollHeight; y += 700) {
      scrollTo(0, y);
      await new Promise((done) => setTimeout(done, 30));
    }
    scrollTo(0, 0);
  });
  await page.waitForTimeout(250);
  await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
};
const accessible = async (page) => {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    axe.run(document, { preload: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  const told = found.violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.slice(0, 5).map((n) => `    ${n.html}\n    ${n.failureSummary}`).join("\n")}`);
  assert.equal(told.length, 0, told.join("\n"));
  return `${found.passes.length} rules`;
};
/** A picture's pixels as the page shows them, to tell whether something has changed. */
const look = (locator) => locator.screenshot().then((bytes) => bytes.toString("base64"));

const names = write("names");
const many = write("many");

await step("the report of 10,000 items is small and quickly written", () => {
  assert.equal(many.figures.rows, 10_000);
  assert.ok(many.bytes <= bars.bytes, `${many.bytes} bytes`);
  assert.ok(many.seconds <= bars.written, `${many.seconds} s`);
  return `${many.seconds.toFixed(1)} s, ${(many.bytes / 1e6).toFixed(1)} MB`;
});

const session = await open(many);
const { page } = session;
await step("it opens in time", async () => {
  assert.ok(session.seconds <= bars.opened, `${session.seconds} s`);
  await page.locator("#map-box").waitFor({ state: "visible" });
  return `${session.seconds.toFixed(2)} s`;
});

await step("the slider divides the pictures, by pointer and by keys", async () => {
  const stage = page.locator("#stage");
  await stage.scrollIntoViewIfNeeded();
  const split = page.locator("#split");
  const before = await look(stage);
  await split.focus();
  for (let n = 0; n < 10; n++) await page.keyboard.press("ArrowRight");
  assert.equal(await split.inputValue(), "60");
  assert.notEqual(await look(stage), before);
  const box = await stage.boundingBox();
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.2, box.y + box.height / 2, { steps: 5 });
  await page.mouse.up();
  assert.equal(await split.inputValue(), "20");
  const clip = await page.locator("#stage-after").evaluate((image) => image.style.clipPath);
  assert.match(clip, /^inset\(/);
});

await step("both pictures zoom to the same place", async () => {
  const [level, stage] = [page.locator("#zoom-level"), page.locator("#stage")];
  const places = () =>
    page.evaluate(() => ["stage-before", "stage-after"].map((id) => JSON.stringify(document.getElementById(id).getBoundingClientRect())));
  for (const [name, wanted] of [["100 %", "100 %"], ["200 %", "200 %"]]) {
    await page.getByRole("group", { name: "Zoom", exact: true }).getByRole("button", { name }).click();
    assert.equal(await level.textContent(), wanted);
    const [a, b] = await places();
    assert.equal(a, b);
  }
  await stage.focus();
  await page.keyboard.press("+");
  assert.equal(await level.textContent(), "300 %");
  await page.keyboard.press("1");
  assert.equal(await level.textContent(), "100 %");
  const box = await stage.boundingBox();
  await page.mouse.move(box.x + box.width / 3, box.y + box.height / 3);
  await page.mouse.wheel(0, -400);
  await page.waitForTimeout(50);
  assert.ok(parseInt(await level.textContent()) > 150, await level.textContent());
  const [a, b] = await places();
  assert.equal(a, b);
  await page.keyboard.press("0");
});

await step("a picture is chosen by its button", async () => {
  const [picks, caption] = [page.locator(".pick"), page.locator("#stage-caption")];
  assert.ok((await picks.count()) >= 8);
  const first = await caption.textContent();
  await picks.nth(3).focus();
  await page.keyboard.press("Enter");
  assert.notEqual(await caption.textContent(), first);
  assert.equal(await picks.nth(3).getAttribute("aria-pressed"), "true");
  for (const reason of ["worst", "best", "most changed", "random"]) {
    assert.ok(many.figures.samples.some((sample) => sample.why.includes(reason)), reason);
  }
});

const map = page.locator("#map");
await step("pointing at the map shows a picture and its path", async () => {
  await map.scrollIntoViewIfNeeded();
  const tip = page.locator("#map-tip");
  const box = await map.boundingBox();
  let found = false;
  for (let n = 0; n < 60 && !found; n++) {
    await page.mouse.move(box.x + box.width * (0.2 + 0.6 * ((n * 0.37) % 1)), box.y + box.height * (0.2 + 0.6 * ((n * 0.61) % 1)));
    found = await tip.isVisible();
  }
  assert.ok(found);
  assert.match(await tip.textContent(), /dead_leaves\/\d+\.png/);
  const picture = await tip.locator(".tip-picture").evaluate((element) => getComputedStyle(element).backgroundImage);
  assert.match(picture, /thumbnails-\d+\.jpg/);
  await page.screenshot({ path: path.join(shots, "hover.png") });
});

await step("every column colours the map", async () => {
  const chooser = page.locator("#map-colour");
  const options = await chooser.locator("option").allTextContents();
  for (const name of ["psnr", "noise_sigma", "cluster", "duplicate", "outlier"]) assert.ok(options.includes(name), `${name} of ${options}`);
  await chooser.selectOption({ label: "psnr" });
  const numbers = await look(map);
  assert.ok(await page.locator("#map-legend canvas").isVisible());
  await chooser.selectOption({ label: "duplicate" });
  await page.waitForTimeout(100);
  assert.notEqual(await look(map), numbers);
  assert.match(await page.locator("#map-legend").textContent(), /near.*no value/);
  await chooser.selectOption({ label: "psnr" });
});

await step("the lasso makes a list that can be saved and copied", async () => {
  await page.locator("#map-lasso").click();
  await map.scrollIntoViewIfNeeded();
  const box = await map.boundingBox();
  const at = (angle) => [box.x + box.width * (0.5 + 0.2 * Math.cos(angle)), box.y + box.height * (0.5 + 0.3 * Math.sin(angle))];
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let n = 1; n <= 24; n++) await page.mouse.move(...at((n / 24) * 2 * Math.PI));
  await page.screenshot({ path: path.join(shots, "lasso.png") });
  await page.mouse.up();
  const listed = (await page.locator("#map-paths").inputValue()).split("\n");
  assert.ok(listed.length > 100 && listed.length < 10_000, `${listed.length}`);
  assert.match(await page.locator("#map-count").textContent(), new RegExp(`^${listed.length.toLocaleString("en")} pictures selected`));
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#map-csv").click()]);
  const csv = readFileSync(await download.path(), "utf8").trimEnd().split("\n");
  assert.deepEqual([csv[0], csv.length], ["path", listed.length + 1]);
  await page.locator("#map-copy").click();
  await page.waitForFunction(() => document.getElementById("map-copy").textContent === "Copied");
  await page.screenshot({ path: path.join(shots, "selected.png") });
});

await step("a frame is drawn with the keyboard", async () => {
  await page.locator("#map-clear").click();
  assert.ok(!(await page.locator("#map-list").isVisible()));
  await map.focus();
  for (let n = 0; n < 4; n++) await page.keyboard.press("Shift+ArrowLeft");
  for (let n = 0; n < 3; n++) await page.keyboard.press("Shift+ArrowUp");
  await page.keyboard.press("Enter");
  for (let n = 0; n < 8; n++) await page.keyboard.press("Shift+ArrowRight");
  for (let n = 0; n < 6; n++) await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Enter");
  const listed = (await page.locator("#map-paths").inputValue()).split("\n");
  assert.ok(listed.length > 100, `${listed.length}`);
});

await step("duplicates stand side by side with a keeper", async () => {
  const groups = page.locator("#duplicates .members");
  assert.equal(await groups.count(), 3 * 14);
  assert.equal(many.figures.duplicates.identical.groups, 20);
  const first = groups.first();
  assert.match(await first.getAttribute("aria-label"), /^Identical: \d pictures$/);
  assert.equal(await first.locator(".keep").count(), 1);
  assert.ok((await first.locator("svg.thumb image").count()) >= 2);
});

await step("moving about 10,000 points is quick", async () => {
  await map.scrollIntoViewIfNeeded();
  const box = await map.boundingBox();
  await page.locator("#map-move").click();
  const frames = await page.evaluate(
    () =>
      new Promise((done) => {
        const canvas = document.getElementById("map");
        const rect = canvas.getBoundingClientRect();
        const send = (kind, x) =>
          canvas.dispatchEvent(new PointerEvent(kind, { clientX: rect.left + x, clientY: rect.top + 200, bubbles: true }));
        const start = performance.now();
        let n = 0;
        const next = () => {
          send("pointermove", 100 + 7 * n);
          if (++n < 40) requestAnimationFrame(next);
          else done((performance.now() - start) / 40);
        };
        next();
      }),
  );
  assert.ok(frames < 60 * times, `${frames} ms`);
  return `${frames.toFixed(1)} ms a frame`;
});

await step("the theme is switched and kept", async () => {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await paper();
  await page.locator("#theme").click();
  const after = await paper();
  assert.notEqual(after, before);
  await page.reload();
  assert.equal(await paper(), after);
  await page.locator("#theme").click();
});

for (const [report, name] of [[names, "names"], [many, "many"]]) {
  for (const width of [1400, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      await step(`${name} at ${width} pixels, ${colorScheme}`, async () => {
        const phone = width === 390 ? { isMobile: true, hasTouch: true, deviceScaleFactor: 2 } : {};
        const it = await open(report, { viewport: { width, height: 900 }, colorScheme, reducedMotion: "reduce", ...phone });
        assert.ok((await wide(it.page)) <= 0, `${await wide(it.page)} pixels too wide`);
        const told = await accessible(it.page);
        await shoot(it.page, `${name}-${width}-${colorScheme}`);
        assert.deepEqual(it.wrong, []);
        await it.close();
        return told;
      });
    }
  }
}

const bad = await open(names);
await step("failures are found by text and kind, and sorted", async () => {
  const page = bad.page;
  const [told, rows] = [page.locator("#failure-count"), page.locator("#failure-table tbody tr")];
  assert.equal(await told.textContent(), "401 failures");
  assert.equal(await rows.count(), 25);
  await page.locator("#failure-find").fill("broken-007");
  assert.equal(await told.textContent(), "1 of 401 failures");
  await page.locator("#failure-find").fill("nothing has this name");
  assert.match(await rows.first().textContent(), /No failure matches/);
  await page.locator("#failure-find").fill("");
  const kinds = await page.locator("#failure-kind option").allTextContents();
  assert.ok(kinds.length >= 2, `${kinds}`);
  await page.locator("#failure-kind").selectOption(kinds[1]);
  const shown = await page.locator("#failure-table tbody code").allTextContents();
  assert.deepEqual([...new Set(shown)], [kinds[1]]);
  await page.locator("#failure-kind").selectOption("");
  const first = await rows.first().textContent();
  const head = page.locator("#failure-table th").first();
  await head.getByRole("button").focus();
  await page.keyboard.press("Enter");
  assert.equal(await head.getAttribute("aria-sort"), "descending");
  assert.notEqual(await rows.first().textContent(), first);
  await page.locator("#failure-next").click();
  assert.match(await page.locator("#failure-page").textContent(), /Page 2 of 17/);
  await page.locator("#failures").scrollIntoViewIfNeeded();
  await page.screenshot({ path: path.join(shots, "failures.png") });
});

await step("names that are markup are names", async () => {
  const page = bad.page;
  assert.ok(!(await page.title()).includes("owned") || (await page.title()).includes("<img src=x onerror=document.title='owned'>"));
  assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"], b, main script').length), 0);
  const text = await page.evaluate(() => document.body.textContent);
  assert.ok(text.includes("<img src=x onerror=document.title='owned'>"));
  assert.ok(!/[\u202e\u2028]/.test(text), "a character that turns the line");
  const paths = await page.evaluate(() => window.safelight.data.samples.map((sample) => sample.path));
  assert.ok(paths.length > 0);
});

await step("everything is reached by the keyboard, and seen to be", async () => {
  const page = bad.page;
  await page.evaluate(() => document.activeElement.blur());
  await page.locator("body").press("Home");
  const reached = new Set();
  for (let n = 0; n < 90; n++) {
    await page.keyboard.press("Tab");
    const [id, seen] = await page.evaluate(() => {
      const element = document.activeElement;
      return [element.id || element.dataset.zoom || element.className, getComputedStyle(element).outlineStyle !== "none"];
    });
    if (id) assert.ok(seen, `no focus is seen on ${id}`);
    reached.add(id);
  }
  for (const id of ["theme", "stage", "split", "fit", "failure-find", "failure-kind", "sort", "failure-next"]) {
    assert.ok(reached.has(id), `${id} of ${[...reached]}`);
  }
});

await step("it prints", async () => {
  for (const [report, name] of [[names, "names"], [many, "many"]]) {
    const it = await open(report);
    const all = () => [...document.querySelectorAll(".pair img")].every((image) => image.complete && image.naturalWidth > 0);
    await it.page.waitForFunction(all);
    await it.page.pdf({ path: path.join(shots, `${name}.pdf`), format: "A4", printBackground: true, margin: { top: "15mm", bottom: "15mm", left: "14mm", right: "14mm" } });
    assert.ok(statSync(path.join(shots, `${name}.pdf`)).size > 20_000);
    await it.close();
  }
});

await step("without scripts, counts and failures are there", async () => {
  const it = await open(names, { javaScriptEnabled: false });
  const text = await it.page.locator("main").innerText();
  assert.match(text, /13 of 414 pictures are done, 401 failed/);
  assert.match(text, /broken-000/);
  assert.ok(await it.page.locator(".pair img").first().isVisible());
  await it.page.screenshot({ path: path.join(shots, "without-scripts.png"), fullPage: true });
  await it.close();
});

await step("no error on any console, no request outside the folder", async () => {
  assert.deepEqual([...session.wrong, ...bad.wrong], []);
  // What is looked for would be found: a page that asks for something outside.
  const spoilt = { ...names, folder: names.folder + " spoilt" };
  execFileSync("cp", ["-r", names.folder, spoilt.folder]);
  const index = path.join(spoilt.folder, "index.html");
  writeFileSync(index, readFileSync(index, "utf8").replace("</main>", '<img src="https://example.org/x.png" alt=""><script>document.title = "owned";</script></main>'));
  spoilt.page = "file://" + spoilt.folder.split("/").map(encodeURIComponent).join("/") + "/index.html";
  const it = await open(spoilt);
  assert.ok(it.wrong.some((told) => /Content Security Policy/.test(told)), `${it.wrong}`);
  assert.notEqual(await it.page.title(), "owned");
  await it.close();
});

await browser.close();
for (const report of [names, many]) rmSync(path.dirname(report.folder), { recursive: true, force: true });
console.log(`${passed.length} passed; pictures are in ${shots}`);
