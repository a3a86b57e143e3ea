// The small internet that tests/turn.sh builds: running things at its places,
// the relay as turn/ ships it, the firewall in front of the citizen.

import { execFile, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
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

export const httpProxy = { host: '10.77.1.1', port: 3128 }

/** A setting as the compose file gives it, with its variables filled in for the lab. */
const composeFile = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
const values = { DOMAIN: 'plainte.test', TURN_DOMAIN: 'relais.plainte.test', TURN_SECRET: secret, MEDIA_ADDRESS: addresses.server, MEDIA_PORT: '41000' }
export function composed(name) {
  const [, given] = composeFile.match(new RegExp(`^ +${name}: (.*)$`, 'm')) ?? []
  if (given === undefined) throw new Error(`docker-compose.yml has no ${name}`)
  return given.replace(/^'(.*)'$/, '$1').replace(/\$\{(\w+)[^}]*\}/g, (_, variable) => values[variable])
}
/** The ways into the relay: by UDP, by TCP, by TLS on 443. */
export const turnUrls = JSON.parse(composed('VISIOPLAINTE_TURN_URLS'))

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
  const words = openSync(file, 'a')
  const child = spawn(join(folder, 'at'), [place, command, ...rest], { env: { ...process.env, NO_COLOR: '1', ...env }, stdio: ['ignore', words, words] })
  closeSync(words)
  const ended = new Promise((done) => child.on('exit', done))
  const started = {
    words: () => readFile(file, 'utf8').catch(() => ''),
    alive: () => child.exitCode === null && child.signalCode === null,
    signal: (name) => child.kill(name),
    async stop() {
      running.delete(started)
      child.kill('SIGTERM')
      await ended
    },
  }
  running.add(started)
  return started
}

/** Ends everything that `start` started, and leaves the lab as it was found: nothing blocked, the relay at its own address. */
export async function stopAll() {
  await Promise.all([...running].map((started) => started.stop()))
  await at('router', 'nft', 'flush', 'ruleset')
  await nameRelay(addresses.relay)
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
export async function startRelay({ conf = join(root, 'turn'), tls = 'tls', tlsPort = 443 } = {}) {
  const runs = join(folder, 'relay')
  await mkdir(runs, { recursive: true })
  const relay = start('relay', 'relay', 'sh', [join(root, 'turn/entrypoint.sh')], {
    TURN_DOMAIN: 'relais.plainte.test',
    TURN_SECRET: secret,
    // A second port beside compose's, for an echo; and a node of IPv6, which the rules know as well.
    TURN_PEERS: `${composed('TURN_PEERS')} ${addresses.server}:41001 [2001:db8::10]:41000-41003`,
    TURN_LISTEN: addresses.relay,
    TURN_TLS_PORT: String(tlsPort),
    TURN_CONF: conf,
    TURN_TLS: join(folder, tls),
    TURN_RUN: runs,
  })
  await until(async () => {
    if (!relay.alive()) throw new Error(`the relay did not start: ${await relay.words()}`)
    const ports = await Promise.all([listens('relay', 'udp', `${addresses.relay}:3478`), listens('relay', 'tcp', `${addresses.relay}:3478`), listens('relay', 'tcp', `${addresses.relay}:${tlsPort}`)])
    return ports.every(Boolean)
  }, 'the relay listens')
  return relay
}

/** How many packets the egress rules have stopped. */
export async function stopped() {
  const listed = JSON.parse(await sure('relay', 'nft', '--json', 'list', 'counter', 'inet', 'visioplainte_relay', 'forbidden'))
  return listed.nftables.find((entry) => entry.counter !== undefined).counter.packets
}

/** The proxy, by the template of deploy/, as the image of nginx fills it in. */
export async function startProxy() {
  const files = join(folder, 'nginx')
  await cp(join(folder, 'tls'), join(files, 'tls'), { recursive: true })
  const template = await readFile(join(root, 'deploy/nginx.conf.template'), 'utf8')
  let filled = template.replaceAll('${DOMAIN}', 'plainte.test').replaceAll('${TURN_DOMAIN}', 'relais.plainte.test')
  // The image has nginx 1.28; Debian 12's says the same thing with another word.
  const [, minor] = (await sure('server', 'nginx', '-v')).match(/nginx\/1\.(\d+)/)
  if (Number(minor) < 25) filled = filled.replace('8443 ssl proxy_protocol;', '8443 ssl http2 proxy_protocol;').replace('http2 on;', '')
  await writeFile(join(files, 'nginx.conf'), filled)
  // Its files under /etc/nginx and its pid under /run are its own, whatever the machine has there.
  const script = 'mount --bind "$1" /etc/nginx && mount -t tmpfs none /run && exec nginx -g "daemon off; load_module /usr/lib/nginx/modules/ngx_stream_module.so;"'
  const proxy = start('server', 'proxy', 'sh', ['-c', script, 'proxy', files])
  await until(async () => {
    if (!proxy.alive()) throw new Error(`the proxy did not start: ${await proxy.words()}`)
    return listens('server', 'tcp', '0.0.0.0:443')
  }, 'the proxy listens')
  return proxy
}

/** An office's HTTP proxy, on the citizen's side of the firewall. */
export async function startHttpProxy() {
  const proxy = start('router', 'http-proxy', 'node', [join(root, 'tests/turn/http-proxy.mjs'), `${httpProxy.host}:${httpProxy.port}`])
  await until(async () => (await proxy.words()).includes('ready'), 'the HTTP proxy listens')
  return { tunnels: async (host) => (await proxy.words()).split('\n').filter((line) => line === `tunnel ${host}`).length }
}

/** The service and a media node apart, with the settings of the compose file; the node may be told more. */
export async function startService(...toNode) {
  const env = {
    VISIOPLAINTE_LISTEN: '127.0.0.1:8080',
    VISIOPLAINTE_PUBLIC_URL: 'https://plainte.test',
    VISIOPLAINTE_PROVIDER_ROOTS: join(folder, 'ca.pem'),
    VISIOPLAINTE_DATA_DIR: await mkdtemp(join(folder, 'data-')),
    ...Object.fromEntries(['MEDIA_NODES', 'MEDIA_SIGNALING_URL', 'TURN_URLS', 'TURN_SECRET'].map((name) => [`VISIOPLAINTE_${name}`, composed(`VISIOPLAINTE_${name}`)])),
  }
  const ask = (command) => sure('server', 'env', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), binary, command)
  await ask('migrate')
  await ask('seed')
  const key = (await ask('keys')).trim().split('\n').at(-1)
  const media = start('server', 'media', binary, ['media', '--listen=127.0.0.1:8090', `--udp=${addresses.server}:41000`, `--token-key=${key}`, '--drain-minutes=0', ...toNode])
  const service = start('server', 'service', binary, ['serve'], env)
  await until(async () => {
    for (const one of [media, service]) if (!one.alive()) throw new Error(`it did not start: ${await one.words()}`)
    return (await Promise.all([listens('server', 'tcp', '127.0.0.1:8080'), listens('server', 'tcp', '127.0.0.1:8090')])).every(Boolean)
  }, 'the service and the media node listen')
  return { ask, media, service }
}

/** Closes the citizen's network as told by lines of nftables; gives what counts the packets each line stopped. */
export async function firewall(...lines) {
  const rules = `table inet firewall
delete table inet firewall
table inet firewall {
  chain forward {
    type filter hook forward priority filter; policy accept;
    ip saddr != ${addresses.citizen} accept
    ${lines.map((line) => `${line} counter drop`).join('\n    ')}
  }
}`
  const file = join(folder, 'firewall.nft')
  await writeFile(file, rules)
  await sure('router', 'nft', '-f', file)
  return async () => {
    const listed = JSON.parse(await sure('router', 'nft', '--json', 'list', 'table', 'inet', 'firewall'))
    return listed.nftables.flatMap(({ rule }) => rule?.expr ?? []).flatMap(({ counter }) => (counter === undefined ? [] : [counter.packets]))
  }
}

/** Tells the lab's names to whoever asks; changed ones when it is told to look again. */
let resolver
export async function startResolver() {
  resolver = start('router', 'resolver', 'dnsmasq', ['--keep-in-foreground', '--conf-file=/dev/null', '--user=root', '--pid-file=', '--no-resolv', '--no-hosts', `--addn-hosts=${join(folder, 'hosts')}`])
  await until(() => listens('router', 'udp', '0.0.0.0:53'), 'the resolver listens')
}

/** Where the relay's name leads: to its own address, or to the proxy that tells it by that name. */
export async function relayIsAt(address) {
  await nameRelay(address)
  resolver.signal('SIGHUP')
}

async function nameRelay(address) {
  const file = join(folder, 'hosts')
  const hosts = await readFile(file, 'utf8')
  await writeFile(file, hosts.replace(/^.* relais\.plainte\.test$/m, `${address} relais.plainte.test`))
}

/** Credentials as the service makes them (`signaling::turn`). */
export function credentials(subject, { expires = Math.floor(Date.now() / 1000) + 600, key = secret } = {}) {
  const username = `${expires}:${subject}`
  return { username, password: createHmac('sha1', key).update(username).digest('base64') }
}
