// A media node behind a 1:1 NAT, as a cloud gives its machines: bound to a private
// address, told the public one (`--announce`), which no interface of its own has.
// Both sides of a call reach it there, and nowhere else.
//
// Run by tests/turn.sh.

import { join } from 'node:path'
import { writeFile } from 'node:fs/promises'
import { Driver } from '../browser/driver.mjs'
import { assertQuiet, launchChromium, person } from '../browser/lib.mjs'
import { expect, hears, keepConnections, pairInUse, people } from '../browser/people.mjs'
import { addresses, folder, startProxy, startRelay, startResolver, startService, stopAll, sure } from './lab.mjs'

const base = 'https://plainte.test'
const PUBLIC = '203.0.113.9'

/** The router gives the server that public address, for UDP. */
async function translate() {
  const file = join(folder, 'nat.nft')
  await writeFile(
    file,
    `table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr ${PUBLIC} meta l4proto udp dnat to ${addresses.server}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr ${addresses.server} meta l4proto udp snat to ${PUBLIC}
  }
}`,
  )
  await sure('router', 'nft', '-f', file)
}

async function main() {
  await translate()
  await startResolver()
  await startRelay()
  await startProxy()
  const { media, service } = await startService(`--announce=${PUBLIC}`)
  const env = { ...process.env, HOME: join(folder, 'home') }
  const home = await launchChromium({ env })
  const office = await launchChromium({ env, executablePath: join(folder, 'chromium-at-office') })
  const watches = []
  const side = async (browser, size) => {
    const made = await person(browser, size, { permissions: ['camera', 'microphone'], ignoreHTTPSErrors: false })
    watches.push(made.watch)
    await made.page.addInitScript(keepConnections)
    return new Driver(made.page, false)
  }
  try {
    const sides = { officer: await side(office, 'desktop'), citizen: await side(home, 'phone') }
    await people(base).meet(sides.citizen, sides.officer)
    for (const [name, driver] of Object.entries(sides)) {
      await hears(driver, `behind a NAT: the ${name}`)
      const { type, to } = await driver.page.evaluate(pairInUse)
      expect(type !== 'relay' && to === `${PUBLIC}:41000`, `the ${name} speaks to the public address, not ${type} ${to}`)
    }
    for (const watch of watches) assertQuiet(watch)
  } catch (error) {
    for (const one of [media, service]) console.error((await one.words()).split('\n').slice(-30).join('\n'))
    throw error
  } finally {
    await Promise.all([home.close(), office.close()])
  }
}

try {
  await main()
  console.log('a node behind a NAT is reached at its public address')
} finally {
  await stopAll()
}
