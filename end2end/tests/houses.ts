// Houses of a test's own, for what would disturb everybody in the one that all tests share: a store that goes away, a
// provider that does not answer, a database that lost a table.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request, type APIRequestContext, type Page } from "@playwright/test";

const PASSWORD = "correct horse battery staple 42";

export type House = {
  url: string;
  folder: string;
  /** Runs SQL on its database, as nothing in the product would. */
  sql: (text: string) => void;
  stop: () => Promise<void>;
};

/** Starts the binary with these variables on top of nothing. */
export async function house(env: Record<string, string> = {}): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), "atelier-house-"));
  const { END2END_BINARY: binary = "", PATH = "" } = process.env;
  const running = spawn(binary, ["serve"], {
    cwd: folder,
    env: { PATH, ATELIER_ADDR: "127.0.0.1:0", DATA_DIR: join(folder, "data"), RUST_LOG: "error", ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const url = await new Promise<string>((ready, failed) => {
    let said = "";
    running.stdout.on("data", (piece: Buffer) => {
      said += piece.toString();
      const found = / is ready at (http\S*)/.exec(said);
      if (found?.[1]) ready(found[1]);
    });
    running.on("exit", () => failed(new Error(`a house did not start: ${said}`)));
  });
  const stop = async () => {
    const gone = new Promise((done) => running.once("exit", done));
    running.kill("SIGKILL");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  const sql = (text: string) => {
    const script = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], 30); d.executescript(sys.argv[2]); d.commit()";
    execFileSync("python3", ["-c", script, join(folder, "data", "atelier.db"), text]);
  };
  return { url, folder, sql, stop };
}

/** A bucket that can be taken away and given back. It understands what a house asks of one and nothing else. */
export async function bucket(): Promise<{ env: Record<string, string>; away: (is: boolean) => void; empty: () => void; close: () => void }> {
  const objects = new Map<string, { type: string; bytes: Buffer }>();
  let isAway = false;
  const server = createServer((asked, answer) => {
    const pieces: Buffer[] = [];
    asked.on("data", (piece: Buffer) => pieces.push(piece));
    asked.on("end", () => {
      const key = new URL(asked.url ?? "/", "http://bucket").pathname;
      if (isAway) return answer.writeHead(503).end();
      if (asked.method === "PUT") {
        objects.set(key, { type: asked.headers["content-type"] ?? "application/octet-stream", bytes: Buffer.concat(pieces) });
        return answer.writeHead(200, { etag: '"e"' }).end();
      }
      if (asked.method === "DELETE") return answer.writeHead(objects.delete(key) ? 204 : 404).end();
      if (asked.url?.includes("list-type")) {
        answer.writeHead(200, { "content-type": "application/xml" });
        return answer.end('<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>');
      }
      const found = objects.get(key);
      if (!found) return answer.writeHead(404).end();
      answer.writeHead(200, { "content-length": found.bytes.length, "content-type": found.type, etag: '"e"' });
      return answer.end(asked.method === "HEAD" ? undefined : found.bytes);
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const env = {
    S3_BUCKET: "pictures",
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "b",
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
  };
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { env, away: (is) => (isAway = is), empty: () => objects.clear(), close };
}

/** A picture that a telephone hands to the installed app, as its browser does it: a form, sent by nobody's page. */
export async function sharePicture(page: Page, from: string, file = "demo/1.webp", fields: Record<string, string> = {}): Promise<void> {
  await page.goto(from);
  const bytes = readFileSync(new URL(`../../public/${file}`, import.meta.url)).toString("base64");
  await Promise.all([
    page.waitForEvent("framenavigated"),
    page.evaluate(
      ([bytes, fields]) => {
        const form = Object.assign(document.createElement("form"), { method: "post", action: "/share", enctype: "multipart/form-data" });
        const picture = Object.assign(document.createElement("input"), { type: "file", name: "picture" });
        const carried = new DataTransfer();
        carried.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "holiday.webp", { type: "image/webp" }));
        picture.files = carried.files;
        form.append(picture);
        for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
        document.body.append(form);
        // Not before this has answered: the page it runs in goes away with it.
        setTimeout(() => form.submit());
      },
      [bytes, fields] as const,
    ),
  ]);
  await page.waitForLoadState();
}

export type StorageState = Awaited<ReturnType<APIRequestContext["storageState"]>>;

/** Somebody with an account, at work without a page: quicker than walking through the form for every test. */
export class Person {
  private constructor(
    readonly email: string,
    readonly api: APIRequestContext,
    readonly state: StorageState,
  ) {}

  static async of(url: string): Promise<Person> {
    const api = await request.newContext({ baseURL: url, extraHTTPHeaders: { "sec-fetch-site": "same-origin" } });
    const email = `person-${process.pid}-${Date.now()}-${Math.random().toString(36).slice(2, 8)}@example.com`;
    const answer = await api.post("/sign-up", { form: { email, password: PASSWORD, next: "/create" }, maxRedirects: 0 });
    if (answer.status() !== 303) throw new Error(`sign-up answered ${answer.status()}`);
    return new Person(email, api, await api.storageState());
  }

  /** Asks for a picture and gives its id. */
  async ask(prompt: string, wish: Record<string, unknown> = {}): Promise<string> {
    const answer = await this.api.post("/api/app/generate", { data: { prompt, ...wish } });
    if (!answer.ok()) throw new Error(`asking for a picture answered ${answer.status()}: ${await answer.text()}`);
    return ((await answer.json()) as { id: string }).id;
  }

  /** Asks for a picture and waits until it is over, one way or the other. */
  async make(prompt: string, wish: Record<string, unknown> = {}): Promise<string> {
    const id = await this.ask(prompt, wish);
    for (let patience = 0; patience < 300; patience += 1) {
      const told = (await (await this.api.get(`/api/app/generations/${id}`)).json()) as { status: string };
      if (told.status !== "processing") return id;
      await new Promise((later) => setTimeout(later, 100));
    }
    throw new Error("a picture took more than half a minute");
  }
}

/** Makes many generations out of one, in the database of a house's folder: a long gallery without the wait. */
export function copies(folder: string, generation: string, count: number, words: string[] = []): void {
  const script = new URL("../copies.py", import.meta.url).pathname;
  execFileSync("python3", [script, join(folder, "data", "atelier.db"), generation, String(count), ...words]);
}
