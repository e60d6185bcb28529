// The whole product through a browser: starts the binary that `cargo build --features ssr` made, on a free port, with an
// empty data folder and the sandbox for Replicate, and never with anybody's token. `make test` builds first and runs this.
//   ATELIER_BINARY   another binary, say a release build
//   CHROMIUM         the browser; without it the one that Playwright installed
//   END2END_TRACE=1  keeps a recording of every test that fails
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";

// This file is read again by every worker; what is chosen once is handed down in the environment.
const port = (process.env.END2END_PORT ??= execFileSync(process.execPath, [
  "-e",
  "const s = require('net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); })",
])
  .toString()
  .trim());
const folder = (process.env.END2END_FOLDER ??= mkdtempSync(join(tmpdir(), "atelier-end2end-")));

const cache = process.env.ATELIER_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "atelier");
const target = process.env.CARGO_TARGET_DIR ?? join(cache, "target");
const binary = (process.env.END2END_BINARY ??= process.env.ATELIER_BINARY ?? join(target, "debug", "atelier"));

// What a developer may have set for a real installation must not reach a test.
const foreign = ["REPLICATE_API_TOKEN", "REPLICATE_BASE_URL", "REPLICATE_WEBHOOK_SECRET", "DATABASE_URL", "S3_BUCKET", "PUBLIC_URL"];

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  reporter: [["list"]],
  globalTeardown: "./teardown.ts",
  retries: 0,
  // Much of a test is waiting for a picture.
  workers: 3,
  forbidOnly: Boolean(process.env.CI),
  timeout: 60_000,
  expect: { timeout: 10_000 },
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    locale: "en-US",
    viewport: { width: 1440, height: 900 },
    screenshot: "only-on-failure",
    // A recording of every test would cost a third of the time; END2END_TRACE=1 keeps those of the tests that fail.
    trace: process.env.END2END_TRACE ? "retain-on-failure" : "off",
    // What moves is drawn sixty times a second, by the same two cores; tests/journey.spec.ts and live.spec.ts have it all.
    contextOptions: { reducedMotion: "reduce" },
    launchOptions: {
      ...(process.env.CHROMIUM ? { executablePath: process.env.CHROMIUM } : {}),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
      ],
    },
  },
  webServer: {
    command: `exec env ${foreign.map((name) => `-u ${name}`).join(" ")} "${binary}" serve`,
    cwd: folder,
    env: { ATELIER_ADDR: `127.0.0.1:${port}`, DATA_DIR: join(folder, "data"), RUST_LOG: process.env.RUST_LOG ?? "warn" },
    url: `http://127.0.0.1:${port}/readyz`,
    timeout: 60_000,
    reuseExistingServer: false,
    gracefulShutdown: { signal: "SIGTERM", timeout: 15_000 },
    stdout: "ignore",
    stderr: "pipe",
  },
});
