// A TURN client (RFC 8656) of the few messages a test needs, so that it can also
// say what no honest client would: another realm, a forged key, a peer of its
// own choice. Browsers and `visioplainte check` speak through real libraries.

import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'

const MAGIC = Buffer.from('2112a442', 'hex')
const ALLOCATE = 0x0003
const CREATE_PERMISSION = 0x0008
const SEND_INDICATION = 0x0016
const DATA_INDICATION = 0x0017
const USERNAME = 0x0006
const MESSAGE_INTEGRITY = 0x0008
const ERROR_CODE = 0x0009
const XOR_PEER_ADDRESS = 0x0012
const DATA = 0x0013
const REALM = 0x0014
const NONCE = 0x0015
const REQUESTED_TRANSPORT = 0x0019

/** How long an answer may take; on these wires it takes a millisecond. */
const LIMIT_MS = 10_000

function attribute(type, value) {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)])
}

function message(type, transaction, attributes, key) {
  const build = (parts, extra) => {
    const head = Buffer.alloc(4)
    head.writeUInt16BE(type, 0)
    head.writeUInt16BE(parts.reduce((sum, part) => sum + part.length, 0) + extra, 2)
    return Buffer.concat([head, MAGIC, transaction, ...parts])
  }
  if (key === undefined) return build(attributes, 0)
  const signed = createHmac('sha1', key).update(build(attributes, 24)).digest()
  return build([...attributes, attribute(MESSAGE_INTEGRITY, signed)], 0)
}

function parse(bytes) {
  const attributes = new Map()
  for (let at = 20; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2)
    attributes.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length + ((4 - (length % 4)) % 4)
  }
  return { type: bytes.readUInt16BE(0), transaction: bytes.subarray(8, 20).toString('hex'), attributes }
}

/** "10.77.3.2" and 7000, masked as the protocol wants it. */
function xored(address, port) {
  const value = Buffer.alloc(8)
  value[1] = 1
  value.writeUInt16BE(port ^ MAGIC.readUInt16BE(0), 2)
  for (const [index, part] of address.split('.').entries()) value[4 + index] = Number(part) ^ MAGIC[index]
  return value
}

/** 0 is well; else the error's number. */
function codeOf(answer) {
  const error = answer.attributes.get(ERROR_CODE)
  return error === undefined ? 0 : error[2] * 100 + error[3]
}

export class TurnClient {
  static async open(kind, host, port) {
    const client = new TurnClient()
    if (kind === 'udp') {
      const socket = createSocket('udp4')
      socket.on('message', (bytes) => client.#heard(bytes))
      socket.connect(port, host)
      await once(socket, 'connect')
      client.#write = (bytes) => socket.send(bytes)
      client.close = () => socket.close()
    } else {
      const socket = connectTcp(port, host)
      await once(socket, 'connect')
      let held = Buffer.alloc(0)
      socket.on('error', () => undefined)
      socket.on('data', (bytes) => {
        held = Buffer.concat([held, bytes])
        while (held.length >= 20 && held.length >= 20 + held.readUInt16BE(2)) {
          const end = 20 + held.readUInt16BE(2)
          client.#heard(held.subarray(0, end))
          held = held.subarray(end)
        }
      })
      client.#write = (bytes) => socket.write(bytes)
      client.close = () => socket.destroy()
    }
    return client
  }

  #write = () => undefined
  #waiting = new Map()
  #data = []
  #wanted = []
  #login = []
  #key = undefined
  close = () => undefined

  /** Asks for a relayed address. `realm` instead of the relay's own is a lie. Gives the error's number, 0 for none. */
  async allocate({ username, password }, realm) {
    const transport = attribute(REQUESTED_TRANSPORT, Buffer.from([17, 0, 0, 0]))
    const challenge = await this.#ask(ALLOCATE, [transport])
    const said = realm === undefined ? challenge.attributes.get(REALM) : Buffer.from(realm)
    this.#login = [attribute(USERNAME, Buffer.from(username)), attribute(REALM, said), attribute(NONCE, challenge.attributes.get(NONCE))]
    this.#key = createHash('md5').update(`${username}:${said}:${password}`).digest()
    return codeOf(await this.#ask(ALLOCATE, [transport, ...this.#login], this.#key))
  }

  /** Asks for leave to speak to a peer; the error's number, 0 for none. */
  async permit(address) {
    return codeOf(await this.#ask(CREATE_PERMISSION, [attribute(XOR_PEER_ADDRESS, xored(address, 1)), ...this.#login], this.#key))
  }

  /** Has the relay send to a peer. Nothing answers to that, the peer excepted. */
  send(address, port, text) {
    this.#write(message(SEND_INDICATION, randomBytes(12), [attribute(XOR_PEER_ADDRESS, xored(address, port)), attribute(DATA, Buffer.from(text))]))
  }

  /** The next words that a peer sent through the relay. */
  async received() {
    if (this.#data.length > 0) return this.#data.shift()
    return this.#limited(new Promise((done) => this.#wanted.push(done)), 'words of a peer')
  }

  async #ask(type, attributes, key) {
    const transaction = randomBytes(12)
    const answer = new Promise((done) => this.#waiting.set(transaction.toString('hex'), done))
    this.#write(message(type, transaction, attributes, key))
    return this.#limited(answer, `an answer of the relay to ${type}`)
  }

  async #limited(promise, what) {
    let timer
    const late = new Promise((_, fail) => {
      timer = setTimeout(() => fail(new Error(`no ${what}`)), LIMIT_MS)
    })
    return Promise.race([promise, late]).finally(() => clearTimeout(timer))
  }

  #heard(bytes) {
    const { type, transaction, attributes } = parse(bytes)
    if (type === DATA_INDICATION) {
      const words = attributes.get(DATA).toString()
      const wanted = this.#wanted.shift()
      if (wanted === undefined) this.#data.push(words)
      else wanted(words)
      return
    }
    this.#waiting.get(transaction)?.({ type, attributes })
    this.#waiting.delete(transaction)
  }
}
