// The data folder goes with the server that filled it.
import { rmSync } from "node:fs";

export default function removeData(): void {
  const folder = process.env.END2END_FOLDER;
  if (folder) rmSync(folder, { recursive: true, force: true });
}
