// scripts/build.sh: which builds are guided by the profile, and what a build is told then.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const guided = { host: "x86_64-unknown-linux-gnu", version: readFileSync(join(root, "pgo/rustc"), "utf8").trim() };

/** Runs the script with a compiler of this host and version, and a cargo that notes how it was called. */
function build(args, { host, version }, env = {}, words = []) {
  const dir = mkdtempSync(join(tmpdir(), "octoporty-build-"));
  try {
    const program = (name, text) => {
      writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(dir, name), 0o755);
      return join(dir, name);
    };
    program("rustc", `echo "$@" >> ${dir}/compiler; case $1 in +*) shift ;; esac; case $1 in -vV) echo "host: ${host}" ;; --version) echo "${version}" ;; esac`);
    const cargo = program("cargo", `echo "$@" > ${dir}/asked; printf %s "$CARGO_ENCODED_RUSTFLAGS" > ${dir}/flags`);
    for (const folder of [join("target", host, "release"), "target"]) mkdirSync(join(dir, folder), { recursive: true });
    writeFileSync(join(dir, "target", host, "release/octoporty"), "a binary");
    const ran = spawnSync(join(root, "scripts/build.sh"), args, {
      encoding: "utf8",
      env: { ...process.env, PATH: `${dir}:${process.env.PATH}`, CARGO: [cargo, ...words].join(" "), CARGO_TARGET_DIR: join(dir, "target"), CARGO_ENCODED_RUSTFLAGS: "", RUSTFLAGS: "", ...env },
    });
    const told = (file) => (existsSync(join(dir, file)) ? readFileSync(join(dir, file), "utf8") : undefined);
    return {
      status: ran.status,
      said: ran.stdout + ran.stderr,
      asked: told("asked")?.trim(),
      flags: told("flags")?.split("\x1f").filter((flag) => flag !== ""),
      binary: told("target/release/octoporty"),
      compiler: told("compiler"),
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const use = [`-Cprofile-use=${root}/pgo/octoporty.profdata`, "-Cllvm-args=-no-pgo-warn-mismatch"];

test("where the profile fits it guides the build, and the binary lies where it always does", () => {
  const { status, asked, flags, binary } = build([], guided);
  assert.equal(status, 0);
  const config = `target.${guided.host}.rustflags=['${use.join("', '")}']`;
  assert.equal(asked, `build --release --target ${guided.host} -p octoporty --config ${config}`);
  assert.deepEqual(flags, [], "those of cargo's own configuration stand beside these");
  assert.equal(binary, "a binary");
});

test("flags of the compiler that were asked for in the environment hold as well", () => {
  const asked = `build --release --target ${guided.host} -p octoporty`;
  for (const env of [{ RUSTFLAGS: "-Ca -Cb" }, { CARGO_ENCODED_RUSTFLAGS: "-Ca\x1f-Cb", RUSTFLAGS: "-Cnot" }]) {
    const built = build([], guided, env);
    assert.deepEqual([built.asked, built.flags], [asked, ["-Ca", "-Cb", ...use]]);
  }
});

test("a cargo of another toolchain is asked with that one's compiler", () => {
  const { asked, compiler } = build([], guided, {}, ["+1.95.0"]);
  assert.match(asked, /^\+1\.95\.0 build --release/);
  assert.match(compiler, /^\+1\.95\.0 -vV\n\+1\.95\.0 --version\n$/);
});

test("another compiler or another machine builds without it, and says so", () => {
  for (const other of [{ ...guided, version: "rustc 1.99.0 (0123456 2027-01-01)" }, { ...guided, host: "aarch64-unknown-linux-gnu" }]) {
    const { status, said, asked, flags } = build([], other);
    assert.equal(status, 0);
    assert.match(said, /without the profile/);
    assert.equal(asked, "build --release -p octoporty");
    assert.deepEqual(flags, []);
  }
});

test("plain is without it too, and what is not known is refused", () => {
  assert.deepEqual(build(["plain"], guided).flags, []);
  const refused = build(["fast"], guided);
  assert.equal(refused.status, 2);
  assert.match(refused.said, /knows no fast: guided, plain, instrumented/);
});

test("a build that counts says where it writes and where it lies", () => {
  const { asked, said } = build(["instrumented", "counts"], guided);
  assert.ok(asked.endsWith(`--config target.${guided.host}.rustflags=['-Cprofile-generate=${root}/counts']`), asked);
  assert.match(said, new RegExp(`^/.*target/${guided.host}/release/octoporty\n$`));
});
