// Two well-known job queues doing nothing on the PostgreSQL that the first argument names: how soon a job is picked up
// when nothing else is going on, and how many a second are added and completed at the same time. No money, no steps, no
// outside world; what they do is the least part of what a generation needs. Prints one line of JSON per peer.
//
//   node peers.mjs postgres://… [jobs] [singles]

import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { run } from "graphile-worker";
import { PgBoss } from "pg-boss";

const [, , connectionString, jobs = "2000", singles = "100"] = process.argv;
const CALLERS = 8;

const version = async (name) =>
  JSON.parse(await readFile(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8")).version;

// `add` adds one job and returns; the job calls `ran(number)` when it runs.
async function measure(name, add, ran) {
  const waiting = new Map();
  ran.tell = (number) => waiting.get(number)?.(performance.now());
  const one = async (number) => {
    const running = new Promise((done) => waiting.set(number, done));
    const began = performance.now();
    await add(number);
    return (await running) - began;
  };
  for (let number = 0; number < 10; number++) await one(number); // warm
  const pickups = [];
  for (let number = 10; number < 10 + Number(singles); number++) pickups.push(await one(number));
  pickups.sort((a, b) => a - b);

  const began = performance.now();
  let next = 1_000_000;
  const all = [];
  const caller = async () => {
    while (next < 1_000_000 + Number(jobs)) {
      const number = next++;
      all.push(new Promise((done) => waiting.set(number, done)));
      await add(number);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  await Promise.all(all);
  const at = (part) => pickups[Math.min(pickups.length - 1, Math.floor(pickups.length * part))];
  console.log(
    JSON.stringify({
      name: `${name} ${await version(name)}`,
      pickup_p50_ms: at(0.5),
      pickup_p99_ms: at(0.99),
      per_second: (1_000 * Number(jobs)) / (performance.now() - began),
    }),
  );
}

async function graphile() {
  const ran = {};
  const runner = await run({
    connectionString,
    concurrency: 10,
    noHandleSignals: true,
    logger: { error() {}, warn() {}, info() {}, debug() {}, scope() { return this; } },
    taskList: { nothing: async ({ number }) => ran.tell(number) },
  });
  await measure("graphile-worker", (number) => runner.addJob("nothing", { number }), ran);
  await runner.stop();
}

async function boss() {
  const ran = {};
  const boss = new PgBoss({ connectionString });
  boss.on("error", (error) => console.error(error));
  await boss.start();
  await boss.createQueue("nothing");
  await boss.work("nothing", { pollingIntervalSeconds: 0.5, batchSize: 100 }, async (batch) => {
    for (const { data } of batch) ran.tell(data.number);
  });
  await measure("pg-boss", (number) => boss.send("nothing", { number }), ran);
  await boss.stop({ graceful: false });
}

await graphile();
await boss();
process.exit(0);
