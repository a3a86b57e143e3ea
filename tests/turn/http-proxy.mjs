// An office's HTTP proxy, which knows CONNECT to port 443 and nothing else.
//
//   node tests/turn/http-proxy.mjs 10.77.1.1:3128
//
// Prints a line for each tunnel: the host that was asked for.

import { createServer } from 'node:http'
import { connect } from 'node:net'

const [address, port] = process.argv[2].split(':')
const server = createServer((_, answer) => answer.writeHead(405).end())
server.on('connect', ({ url }, browser, head) => {
  const [host, to] = url.split(':')
  browser.on('error', () => undefined)
  if (to !== '443') {
    browser.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    return
  }
  const far = connect(443, host, () => {
    console.log(`tunnel ${host}`)
    browser.write('HTTP/1.1 200 Connection established\r\n\r\n')
    far.write(head)
    far.pipe(browser)
    browser.pipe(far)
  })
  far.on('error', () => browser.destroy())
  far.on('close', () => browser.destroy())
  browser.on('close', () => far.destroy())
})
server.listen(Number(port), address, () => console.log('ready'))
