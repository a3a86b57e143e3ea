// The proxy of deploy/, run as it stands but for ports and names: whose address it
// tells the service, which counts by it, and what it passes on to the relay.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { request } from 'node:https'
import { createServer as createPlainServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const LIMIT_MS = 20_000
const [pages, relay] = ['plainte.test', 'relais.plainte.test']

let folder
let nginx
let service
let turn
let port
/** Headers of what the service was asked, and first bytes of what the relay was told. */
const asked = []
const told = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visioplainte-proxy-'))
  await mkdir(join(folder, 'tls'))
  const [key, chain] = ['privkey.pem', 'fullchain.pem'].map((name) => join(folder, 'tls', name))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', `/CN=${pages}`, '-keyout', key, '-out', chain], { stdio: 'ignore' })
  service = createServer((question, answer) => {
    asked.push(question.headers)
    answer.end('seen')
  }).listen(0, '127.0.0.1')
  turn = createPlainServer((socket) => {
    socket.once('data', (bytes) => {
      told.push(bytes)
      socket.destroy()
    })
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await Promise.all([once(service, 'listening'), once(turn, 'listening')])
  port = await freePort()
  const [plain, inner, stripped] = [await freePort(), await freePort(), await freePort()]
  const template = await readFile(join(root, 'deploy/nginx.conf.template'), 'utf8')
  const filled = [
    ['${DOMAIN}', pages],
    ['${TURN_DOMAIN}', relay],
    ['/etc/nginx/tls', join(folder, 'tls')],
    ['/run/nginx.pid', join(folder, 'pid')],
    ['worker_processes auto', 'worker_processes 1'],
    ['listen 443;', `listen 127.0.0.1:${port};`],
    ['listen [::]:443;', ''],
    ['listen 80;', `listen 127.0.0.1:${plain};`],
    ['listen [::]:80;', ''],
    ['127.0.0.1:8443', `127.0.0.1:${inner}`],
    ['127.0.0.1:5350', `127.0.0.1:${stripped}`],
    ['turn:5349', `127.0.0.1:${turn.address().port}`],
    ['service:8080', `127.0.0.1:${service.address().port}`],
    ['media:8090', '127.0.0.1:9'],
    // Known since nginx 1.25; nothing here depends on it.
    ['http2 on;', ''],
  ].reduce((text, [from, to]) => {
    assert.ok(text.includes(from), `${from} is no longer in the template`)
    return text.replaceAll(from, to)
  }, template)
  const file = join(folder, 'nginx.conf')
  await writeFile(file, filled)
  // A file, since /dev/stderr cannot be opened where it is a socket.
  const log = await open(join(folder, 'log'), 'a')
  nginx = spawn('nginx', ['-p', folder, '-c', file, '-g', 'daemon off; load_module /usr/lib/nginx/modules/ngx_stream_module.so;'], { stdio: ['ignore', 'ignore', log.fd] })
  await log.close()
  const limit = Date.now() + LIMIT_MS
  while (!(await reachable(port))) {
    assert.ok(nginx.exitCode === null && Date.now() < limit, `the proxy did not start: ${await readFile(join(folder, 'log'), 'utf8')}`)
    await pause(20)
  }
})

after(async () => {
  if (nginx?.exitCode === null) {
    nginx.kill('SIGTERM')
    await once(nginx, 'exit')
  }
  for (const server of [service, turn]) server?.close()
  await rm(folder, { recursive: true, force: true })
})

function reachable(at) {
  return new Promise((done) => {
    const socket = connect({ port: at, host: '127.0.0.1', servername: pages, rejectUnauthorized: false }, () => {
      socket.destroy()
      done(true)
    })
    socket.on('error', () => done(false))
  })
}

/** Asks for the home page with headers of one's own. */
function visit(headers, localAddress) {
  return new Promise((done, failed) => {
    const question = request({ port, host: '127.0.0.1', servername: pages, rejectUnauthorized: false, localAddress, headers: { host: pages, ...headers } }, (answer) => {
      answer.resume()
      answer.on('end', done)
    })
    question.on('error', failed)
    question.end()
  })
}

test('the service is told the address that the proxy saw, whatever the client says of itself', async () => {
  for (const from of ['127.0.0.2', '127.0.0.3']) {
    asked.length = 0
    await visit({ 'x-forwarded-for': '203.0.113.9' }, from)
    assert.equal(asked.length, 1)
    assert.equal(asked[0]['x-forwarded-for'], from)
    assert.equal(asked[0].host, pages)
  }
})

test('the relay gets its bytes as they were sent', async () => {
  told.length = 0
  await new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1', servername: relay, rejectUnauthorized: false })
    socket.on('error', () => {})
    socket.on('close', done)
  })
  assert.equal(told.length, 1)
  // A TLS handshake, not a line about addresses.
  assert.equal(told[0][0], 0x16)
})
