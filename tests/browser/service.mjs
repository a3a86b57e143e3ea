// A service of a test's own: a new data folder, free ports, its log kept to be
// shown when something fails.

import { spawn, spawnSync } from 'node:child_process'
import { openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../free-port.mjs'

const LIMIT_MS = 60_000
export const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/**
 * Starts the built service, known to browsers as `base`, on a port of its own; resolves
 * when it can serve. `also`: further commands to run before, each a list of arguments.
 */
export async function startService({ port, base, also = [] } = {}) {
  port ??= await freePort()
  base ??= `http://localhost:${port}`
  const folder = await mkdtemp(join(tmpdir(), 'visioplainte-test-'))
  const binary = process.env.VISIOPLAINTE_BIN ?? join(root, 'target/debug/visioplainte')
  const env = {
    PATH: process.env.PATH,
    NO_COLOR: '1',
    VISIOPLAINTE_DATA_DIR: join(folder, 'data'),
    VISIOPLAINTE_LISTEN: `127.0.0.1:${port}`,
    VISIOPLAINTE_PUBLIC_URL: base,
    VISIOPLAINTE_MEDIA_PORTS: '[0]',
  }
  for (const command of [['migrate'], ['seed'], ...also]) {
    const { status, stderr } = spawnSync(binary, command, { cwd: root, env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command[0]}: ${stderr}`)
  }
  const logFile = join(folder, 'service.log')
  const log = openSync(logFile, 'a')
  const service = spawn(binary, ['serve'], { cwd: root, env, stdio: ['ignore', log, log] })
  const ended = new Promise((done) => service.once('exit', done))
  const limit = Date.now() + LIMIT_MS
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/ready`, { headers: { host: new URL(base).host } }).catch(() => undefined)
    if (answer?.ok) break
    if (Date.now() > limit || service.exitCode !== null) throw new Error(`the service is not ready: ${await readFile(logFile, 'utf8')}`)
    await pause(50)
  }
  return {
    base,
    log: () => readFile(logFile, 'utf8'),
    async stop() {
      service.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
