// A real SMTP server (npm smtp-server) that fails on purpose, for the tests of the
// outbox. Standard output: its port first, then one line of JSON for each message
// it took. It ends with its standard input.
//
//   node tests/mail-server.mjs [tls|smtps]
//
// What happens is in the recipient's name: unknown (550), away (451), full (552),
// drops (takes the message and hangs up before saying so, the first time), dies
// (the process ends in the middle of the message), slow (answers after 12 s);
// anybody else gets their mail. With `tls`, STARTTLS and a login are asked for, with
// `smtps` TLS from the first byte, and the certificate's path is printed after the port.
import { createRequire } from 'node:module'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { SMTPServer } = createRequire(new URL('../web/package.json', import.meta.url))('smtp-server')
const wrapped = process.argv[2] === 'smtps'
const tls = wrapped || process.argv[2] === 'tls'
const told = (what) => process.stdout.write(`${JSON.stringify(what)}\n`)
const dropped = new Set()

const refusal = (code) => Object.assign(new Error('refused on purpose'), { responseCode: code })
const nameOf = (address) => address.split('@')[0]

function certificate() {
  const folder = mkdtempSync(join(tmpdir(), 'vp-mail-'))
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name))
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE',
    '-keyout', key, '-out', cert,
  ], { stdio: 'ignore' })
  return { key: readFileSync(key), cert: readFileSync(cert), path: cert }
}

const secured = tls ? certificate() : undefined
const server = new SMTPServer({
  logger: false,
  secure: wrapped,
  // A name server that does not answer would hold every greeting up for seconds.
  disableReverseLookup: true,
  ...(secured
    ? { key: secured.key, cert: secured.cert, authMethods: ['PLAIN'] }
    : { disabledCommands: ['AUTH', 'STARTTLS'], authOptional: true }),
  allowInsecureAuth: false,
  onAuth: ({ username, password }, _session, done) =>
    username === 'visioplainte' && password === 'mot-de-passe' ? done(null, { user: username }) : done(refusal(535)),
  onRcptTo: ({ address }, _session, done) => {
    switch (nameOf(address)) {
      case 'unknown': return done(refusal(550))
      case 'away': return done(refusal(451))
      case 'full': return done(refusal(552))
      default: return done()
    }
  },
  onData: (stream, session, done) => {
    const [{ address }] = session.envelope.rcptTo
    const pieces = []
    stream.on('data', (piece) => {
      if (nameOf(address) === 'dies') process.exit(9)
      pieces.push(piece)
    })
    stream.on('end', () => {
      const text = Buffer.concat(pieces).toString()
      const id = text.match(/^Message-ID: <([^@>]+)@/m)?.[1]
      told({ id, to: address, secure: session.secure, text })
      if (nameOf(address) === 'drops' && !dropped.has(id)) {
        dropped.add(id)
        // The line breaks before the answer: the sender cannot know.
        for (const connection of server.connections) connection._socket?.destroy()
        return
      }
      if (nameOf(address) === 'slow') return setTimeout(done, 12_000)
      done()
    })
  },
})
// Without this, one connection that breaks ends the server.
server.on('error', () => {})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${server.server.address().port}\n`)
  if (secured) process.stdout.write(`${secured.path}\n`)
})
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
