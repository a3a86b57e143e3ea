// Runs the scripts' unit tests: bundles each `*.test.ts` for node, then hands
// them to node's own test runner.

import { build } from 'esbuild'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const tests = (await readdir(join(here, 'src'), { recursive: true })).filter((name) => name.endsWith('.test.ts'))
// Inside the package, so that what is bundled finds its packages.
const out = await mkdtemp(join(here, 'node_modules/.tests-'))
try {
  await build({
    absWorkingDir: here,
    entryPoints: tests.map((name) => join('src', name)),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    define: { 'import.meta.dirname': JSON.stringify(here) },
    logLevel: 'warning',
  })
  const files = (await readdir(out, { recursive: true })).filter((name) => name.endsWith('.test.mjs')).map((name) => join(out, name))
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { stdio: 'inherit' })
  process.exitCode = status ?? 1
} finally {
  await rm(out, { recursive: true, force: true })
}
