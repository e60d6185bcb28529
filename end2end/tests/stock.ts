// A full gallery in no time.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { awake, makePicture, signUp } from "./support.js";

// Makes copies of somebody's one picture, rows and files, each some minutes older. Every third is of another
// shape. Their credits are nobody's business here.
const COPIES = `
import json, os, shutil, sqlite3, sys, uuid
data, model, prompts, apart = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
db = sqlite3.connect(os.path.join(data, "atelier.db"), timeout=30)
db.row_factory = sqlite3.Row
first = db.execute("select * from generation where id = ?", (model,)).fetchone()
output = db.execute("select * from output where generation_id = ?", (model,)).fetchone()
def add(table, row):
    db.execute(f"insert into {table} ({','.join(row)}) values ({','.join('?' * len(row))})", list(row.values()))
for at, prompt in enumerate(prompts):
    made = first["created_at"] - (at + 1) * apart * 60_000
    stamp = f"{made:012x}"
    new = f"{stamp[:8]}-{stamp[8:]}-7{uuid.uuid4().hex[:3]}-8{uuid.uuid4().hex[:3]}-{uuid.uuid4().hex[:12]}"
    add("generation", {**dict(first), "id": new, "request_key": new, "prompt": prompt, "created_at": made, "prediction_id": None,
                       "favourite_at": None, "trashed_at": None})
    wide = [(64, 64), (96, 64), (64, 96)][at % 3]
    add("output", {**dict(output), "generation_id": new, "object_key": output["object_key"].replace(model, new),
                   "width": wide[0], "height": wide[1]})
    add("prompt_words", {"generation_id": new, "owner_id": first["owner_id"], "created_at": made, "folded": prompt.lower()})
    objects = os.path.join(data, "objects", "generations")
    shutil.copytree(os.path.join(objects, model), os.path.join(objects, new))
db.commit()
`;

const data = () => join(process.env.END2END_FOLDER ?? "", "data");

/** Somebody with one picture that was made and as many copies as there are prompts, so many minutes apart. Gives their address. */
export async function stocked(page: Page, prompts: string[], apart = 1): Promise<string> {
  const email = await signUp(page);
  await awake(page);
  const id = await makePicture(page, "the first of all");
  execFileSync("python3", ["-c", COPIES, data(), id, JSON.stringify(prompts), String(apart)]);
  return email;
}
