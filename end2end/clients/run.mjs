// Replicate's published clients, unmodified, against the sandbox and against /v1 of a product that buys from it.
//
//   node run.mjs ATELIER PYTHON      the binary, and a Python that has the package replicate
//
// Each client runs the same course (course.mjs, course.py): whatever it notices that differs from Replicate fails it.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [atelier, python] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "atelier-clients-"));
const children = [];
const here = new URL(".", import.meta.url).pathname;

/** Starts the binary and answers the address it says it is ready at. */
function start(args, env) {
  const child = spawn(atelier, args, { env: { ATELIER_ADDR: "127.0.0.1:0", RUST_LOG: "warn", ...env }, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return new Promise((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      const at = line.split(" is ready at ")[1];
      if (at) resolve(at.split(" ")[0]);
    });
    child.once("exit", (code) => reject(new Error(`${args[0]} ended with ${code}`)));
  });
}

/** Signs up with the forms of the pages and makes a key. */
async function key(url) {
  const form = (path, fields, cookie = "") =>
    fetch(url + path, {
      method: "POST",
      redirect: "manual",
      headers: { origin: url, "sec-fetch-site": "same-origin", ...(cookie && { cookie }) },
      body: new URLSearchParams(fields),
    });
  const signedUp = await form("/sign-up", { email: "mika@example.com", password: "a lantern above seven hills" });
  const cookie = signedUp.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  const made = await (await form("/keys", { name: "clients", read: "on", write: "on" }, cookie)).text();
  const found = made.match(/<code>(atl_[0-9A-Za-z]{8}_[0-9A-Za-z]{49})/);
  if (!found) throw new Error("no key on the page");
  return found[1];
}

/** A place where webhooks arrive; `GET /` answers what did, as JSON. */
function receiver() {
  const heard = [];
  const server = createServer((request, response) => {
    if (request.method === "GET") return response.end(JSON.stringify(heard));
    let body = "";
    request.on("data", (piece) => (body += piece));
    request.on("end", () => {
      heard.push({ headers: request.headers, body });
      response.end("ok");
    });
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** A port that nobody listens on: the product's own addresses name it, so it must be known beforehand. */
function freePort() {
  const server = createServer();
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  }));
}

function course(name, command, args, env) {
  const begun = Date.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: { PATH: process.env.PATH, ...env }, stdio: "inherit" });
    child.once("exit", (code) => {
      console.log(`${code === 0 ? "ok  " : "FAIL"} ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
      resolve(code === 0);
    });
  });
}

let fine = true;
const hooks = await receiver();
try {
  const webhook = `http://127.0.0.1:${hooks.address().port}/`;
  const sandbox = await start(["sandbox", "--port", "0", "--speed", "10", "--longest-edge", "128"], { DATA_DIR: join(folder, "sandbox") });
  const product = await start(["serve"], {
    ATELIER_ADDR: `127.0.0.1:${await freePort()}`,
    DATA_DIR: join(folder, "product"),
    REPLICATE_API_TOKEN: "r8_any",
    REPLICATE_BASE_URL: sandbox,
    SIGNUP_CREDITS: "1000",
  });
  for (const [name, url, token] of [["the sandbox", sandbox, "r8_any"], ["/v1", product, await key(product)]]) {
    const env = { COURSE_URL: url, COURSE_TOKEN: token, COURSE_WEBHOOK: webhook };
    fine = (await course(`npm replicate, ${name}`, process.execPath, [join(here, "course.mjs")], env)) && fine;
    fine = (await course(`PyPI replicate, ${name}`, python, [join(here, "course.py")], env)) && fine;
  }
} finally {
  hooks.close();
  for (const child of children) {
    child.removeAllListeners("exit");
    child.kill("SIGKILL");
  }
  await rm(folder, { recursive: true, force: true });
}
process.exit(fine ? 0 : 1);
