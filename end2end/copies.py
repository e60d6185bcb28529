"""Makes many generations out of one that was made: copies.py DATABASE GENERATION COUNT [WORDS…]

For tests and measurements of long galleries, which nobody wants to wait for. The copies are older than the original, a
minute apart, and are not in the books: only for a database that is thrown away. Each has files under names of its own in the
folder `objects` beside the database, so that a browser asks for every picture and decodes it; on the disk they are the
original's, linked.
"""

import os
import pathlib
import sqlite3
import sys
import uuid


def main(database: str, original: str, count: int, words: list[str]) -> None:
    db = sqlite3.connect(database, 60)
    columns = [row[1] for row in db.execute("pragma table_info(generation)")]
    outputs = [row[1] for row in db.execute("pragma table_info(output)")]
    row = dict(zip(columns, db.execute(f"select {', '.join(columns)} from generation where id = ?", [original]).fetchone()))
    kept = [dict(zip(outputs, each)) for each in
            db.execute(f"select {', '.join(outputs)} from output where generation_id = ?", [original])]
    objects = pathlib.Path(database).parent / "objects" / "generations"
    files = sorted((objects / original).iterdir())
    for at in range(count):
        created = row["created_at"] - (at + 1) * 60_000
        # A UUID of version 7, as the house makes them: its time is its place in the order.
        number = (created << 80) | (7 << 76) | (uuid.uuid4().int & ((1 << 76) - 1)) & ~(3 << 62) | (2 << 62)
        new = str(uuid.UUID(int=number))
        prompt = f"{row['prompt']}, {words[at % len(words)]} {at}" if words else row["prompt"]
        later = created - row["created_at"]
        change = {"id": new, "request_key": new, "created_at": created, "updated_at": row["updated_at"] + later,
                  "started_at": row["started_at"] and row["started_at"] + later,
                  "finished_at": row["finished_at"] and row["finished_at"] + later,
                  "prompt": prompt, "prediction_id": None, "lease_owner": None}
        values = [change.get(name, row[name]) for name in columns]
        db.execute(f"insert into generation ({', '.join(columns)}) values ({', '.join('?' * len(columns))})", values)
        for output in kept:
            change = {"generation_id": new, "object_key": output["object_key"].replace(original, new)}
            values = [change.get(name, output[name]) for name in outputs]
            db.execute(f"insert into output ({', '.join(outputs)}) values ({', '.join('?' * len(outputs))})", values)
        db.execute("insert into prompt_words (generation_id, owner_id, created_at, folded) values (?, ?, ?, ?)",
                   [new, row["owner_id"], created, prompt.lower()])
        (objects / new).mkdir(mode=0o700)
        for file in files:
            os.link(file, objects / new / file.name)
    db.commit()
    # As the house does by itself after a while.
    db.execute("pragma wal_checkpoint(truncate)")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
