// The small internet that tests/turn.sh builds: running things at its places,
// the relay as turn/ ships it, the firewall in front of the citizen.

import { execFile, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
export const folder = process.env.TURN_LAB
export const binary = process.env.TURN_LAB_BIN
if (folder === undefined) throw new Error('run this by tests/turn.sh')

export const secret = '00112233445566778899aabbccddeeff'
export const addresses = { citizen: '10.77.1.2', server: '10.77.3.2', relay: '10.77.4.2', other: '10.77.5.2', metadata: '169.254.169.254' }

const LIMIT_MS = 30_000
const run = promisify(execFile)
const running = new Set()

/** What a command prints at a place; `failed` instead of an exception when it ends badly. */
export async function at(place, command, ...rest) {
  try {
    const { stdout, stderr } = await run(join(folder, 'at'), [place, command, ...rest], { timeout: LIMIT_MS })
    return { failed: false, text: stdout + stderr }
  } catch (error) {
    return { failed: true, text: `${error.stdout ?? ''}${error.stderr ?? ''}${error.killed ? '\n(was stopped after 30 s)' : ''}` }
  }
}

/** The same, for what must not fail. */
export async function sure(place, command, ...rest) {
  const { failed, text } = await at(place, command, ...rest)
  if (failed) throw new Error(`${command} ${rest.join(' ')}, at ${place}: ${text}`)
  return text
}

/** Waits until `found` gives something, asking again; the only clock of these tests is the limit. */
export async function until(found, what) {
  const limit = Date.now() + LIMIT_MS
  for (;;) {
    const value = await found()
    if (value) return value
    if (Date.now() > limit) throw new Error(`not within ${LIMIT_MS / 1000} s: ${what}`)
    await pause(20)
  }
}

/** Starts a command at a place; its words go to a log in the lab's folder. */
export function start(place, log, command, rest, env = {}) {
  const file = join(folder, `${log}.log`)
  const child = spawn(join(folder, 'at'), [place, command, ...rest], { env: { ...process.env, NO_COLOR: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = createWriteStream(file, { flags: 'a' })
  child.stdout.pipe(lines, { end: false })
  child.stderr.pipe(lines, { end: false })
  const ended = new Promise((done) => child.on('close', done))
  const started = {
    words: () => readFile(file, 'utf8').catch(() => ''),
    alive: () => child.exitCode === null && child.signalCode === null,
    async stop() {
      running.delete(started)
      child.kill('SIGTERM')
      await ended
    },
  }
  running.add(started)
  return started
}

/** Ends everything that `start` started. */
export async function stopAll() {
  await Promise.all([...running].map((started) => started.stop()))
}

/** Whether somebody listens there, by the kernel's own list. */
export async function listens(place, kind, address) {
  const list = await sure(place, 'ss', '--no-header', '--listening', '--numeric', `--${kind}`)
  return list.split('\n').some((line) => line.split(/\s+/)[3] === address)
}

/** The ports told to be echoes, and what came to them. */
export async function startTargets(place, ...where) {
  const targets = start(place, `targets-${place}`, 'node', [join(root, 'tests/turn/targets.mjs'), ...where])
  await until(async () => (await targets.words()).includes('ready'), `the targets at ${place}`)
  return { ...targets, came: async (what) => (await targets.words()).split('\n').filter((line) => line === what).length }
}

/** coturn, by the entry point and the files of turn/ (or of `conf`), certificate of `tls`. */
export async function startRelay({ conf = join(root, 'turn'), tls = 'tls' } = {}) {
  const runs = join(folder, 'relay')
  await mkdir(runs, { recursive: true })
  const relay = start('relay', 'relay', 'sh', [join(root, 'turn/entrypoint.sh')], {
    TURN_DOMAIN: 'relais.plainte.test',
    TURN_SECRET: secret,
    TURN_PEERS: `${addresses.server}:41000-41001`,
    TURN_LISTEN: addresses.relay,
    TURN_TLS_PORT: '443',
    TURN_CONF: conf,
    TURN_TLS: join(folder, tls),
    TURN_RUN: runs,
  })
  await until(async () => {
    if (!relay.alive()) throw new Error(`the relay did not start: ${await relay.words()}`)
    const ports = await Promise.all([listens('relay', 'udp', `${addresses.relay}:3478`), listens('relay', 'tcp', `${addresses.relay}:3478`), listens('relay', 'tcp', `${addresses.relay}:443`)])
    return ports.every(Boolean)
  }, 'the relay listens')
  return relay
}

/** How many packets the egress rules have stopped. */
export async function stopped() {
  const listed = JSON.parse(await sure('relay', 'nft', '--json', 'list', 'counter', 'inet', 'visioplainte_relay', 'forbidden'))
  return listed.nftables.find((entry) => entry.counter !== undefined).counter.packets
}

/** Credentials as the service makes them (`signaling::turn`). */
export function credentials(subject, { expires = Math.floor(Date.now() / 1000) + 600, key = secret } = {}) {
  const username = `${expires}:${subject}`
  return { username, password: createHmac('sha1', key).update(username).digest('base64') }
}
