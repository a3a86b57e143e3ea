// What a relay may be turned against: a UDP and a TCP port at each address
// given. It sends back what comes and says who came.
//
//   node tests/turn/targets.mjs 10.77.5.2:7000 169.254.169.254:80
//
// Prints a line for each packet or connection: protocol, address it came to.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

for (const at of process.argv.slice(2)) {
  const [address, port] = [at.slice(0, at.lastIndexOf(':')), Number(at.slice(at.lastIndexOf(':') + 1))]
  const udp = createSocket('udp4')
  udp.on('message', (message, from) => {
    console.log(`udp ${at}`)
    udp.send(message, from.port, from.address)
  })
  udp.bind(port, address)
  const tcp = createServer((socket) => {
    console.log(`tcp ${at}`)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  }).listen(port, address)
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
}
console.log('ready')
