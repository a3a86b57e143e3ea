// A TCP port of this machine that nobody has, below those that the system gives
// to connections that leave: a service that is killed and started again finds it
// free still. Run as a program, it prints one.

import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

const [FIRST, PORTS] = [20_000, 12_000]

/** Tries ports at random until one can be had. */
export function freePort() {
  return new Promise((found) => {
    const look = () => {
      const server = createServer()
      server.once('error', look)
      server.listen(FIRST + Math.floor(Math.random() * PORTS), '127.0.0.1', () => {
        const { port } = server.address()
        server.close(() => found(port))
      })
    }
    look()
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await freePort())
