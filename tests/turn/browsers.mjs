// A citizen behind a firewall that closes one way after the other, an officer
// elsewhere, the whole service between them as compose runs it. Each time
// picture and sound of both sides grow, and the way they take is the one that
// was left open. When none is left, the page says so.
//
// Run by tests/turn.sh, at the citizen's place. How long a way took to be found
// is printed, never judged.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { Driver } from '../browser/driver.mjs'
import { assertQuiet, launchChromium, launchFirefox, person, watchPage } from '../browser/lib.mjs'
import { expect, hears, keepConnections, pairInUse, people, testDevices } from '../browser/people.mjs'
import { addresses, firewall, folder, httpProxy, relayIsAt, startHttpProxy, startProxy, startRelay, startResolver, startService, stopAll, turnUrls } from './lab.mjs'

const base = 'https://plainte.test'
/** Ordinary people's browsers: nothing about certificates is forgiven. */
const honest = { ignoreHTTPSErrors: false }

/** Has a Firefox's profile trust the lab's authority. */
function trust(profile) {
  execFileSync('certutil', ['-N', '--empty-password', '-d', `sql:${profile}`])
  execFileSync('certutil', ['-A', '-n', 'tests', '-t', 'C,,', '-i', join(folder, 'ca.pem'), '-d', `sql:${profile}`])
}

/** Runs in the page: the relays that the service gave it. */
const relaysGiven = () => window.vpConnections.at(-1).getConfiguration().iceServers

/** All three ways, with a credential of the seat that ends a while after the longest hearing. */
function areTheirOwn(...sides) {
  const seats = sides.map((servers) => {
    expect(servers.length === 1 && [servers[0].urls].flat().join() === turnUrls.join(), `the ways of the settings, not ${JSON.stringify(servers)}`)
    const [, end, seat] = servers[0].username.match(/^(\d+):([0-9a-f]{32})$/) ?? []
    const hours = (end - Date.now() / 1000) / 3600
    expect(hours > 1 && hours < 7, `an end in some hours: ${servers[0].username}`)
    return seat
  })
  expect(new Set(seats).size === sides.length, 'a credential for each seat')
}

/** The four ways, from the best to the last, and what closes all before them. */
const ways = [
  { name: 'nothing is blocked', relayProtocol: undefined, blocks: [] },
  // Where both are open, a browser may also take the relay's TCP.
  {
    name: 'no UDP to the media nodes',
    relayProtocol: 'udp',
    blocks: [`ip daddr ${addresses.server} meta l4proto udp`, `ip daddr ${addresses.relay} meta l4proto tcp`],
  },
  { name: 'no UDP at all', relayProtocol: 'tcp', blocks: ['meta l4proto udp'] },
  { name: 'nothing but TCP 443', relayProtocol: 'tls', blocks: ['meta l4proto udp', 'tcp dport != 443'] },
]
const lastWay = ways.at(-1)
const officeWay = { name: 'nothing but an HTTP proxy', relayProtocol: 'tls', blocks: ['meta l4proto { tcp, udp }'] }

async function main() {
  await startResolver()
  let relay = await startRelay()
  await startProxy()
  const { media, service } = await startService()
  const env = { ...process.env, HOME: join(folder, 'home') }
  const home = await launchChromium({ env })
  const office = await launchChromium({ env, executablePath: join(folder, 'chromium-at-office') })
  const foxes = []
  const watches = []
  const side = async (browser, name, size, more = {}) => {
    const made = await person(browser, size, { permissions: ['camera', 'microphone'], ...honest, ...more })
    watches.push(made.watch)
    await made.page.addInitScript(keepConnections)
    return { name, driver: new Driver(made.page, false) }
  }
  const inFirefox = async (name, prefs = {}) => {
    const fox = await launchFirefox({ acceptInsecureCerts: false, prepare: async (profile) => trust(profile), prefs })
    foxes.push(fox)
    const page = await fox.browser.newPage()
    await page.setViewport({ width: 390, height: 844 })
    await page.evaluateOnNewDocument(keepConnections)
    watches.push(watchPage(page))
    return { name, driver: new Driver(page, true) }
  }
  try {
    const officer = await side(office, 'officer', 'desktop')
    const citizen = await side(home, 'citizen', 'phone')
    await firewall()
    const id = await people(base).meet(citizen.driver, officer.driver)

    await Promise.all([citizen, officer].map(({ driver }) => driver.until(() => window.vpConnections.length > 0, null, 'a connection is made')))
    areTheirOwn(await citizen.driver.page.evaluate(relaysGiven), await officer.driver.page.evaluate(relaysGiven))

    for (const way of ways) await takes(way, citizen, officer)
    await isTold(citizen, officer)
    await citizen.driver.press('[data-act="leave"]')

    // An office where nothing gets out but what its HTTP proxy passes on.
    const http = await startHttpProxy()
    const clerk = await side(home, 'citizen in an office', 'desktop', { proxy: { server: `http://${httpProxy.host}:${httpProxy.port}` } })
    await firewall(...officeWay.blocks)
    await moves(clerk, id)
    await takes(officeWay, clerk, officer)
    expect((await http.tunnels('relais.plainte.test')) > 0, 'the relay was reached through the HTTP proxy')
    await clerk.driver.press('[data-act="leave"]')

    // Firefox, by the other way to 443: the proxy tells the relay by its name.
    await relay.stop()
    relay = await startRelay({ tlsPort: 5349 })
    await relayIsAt(addresses.server)
    await firewall(...lastWay.blocks)
    const fox = await inFirefox('citizen in Firefox')
    await moves(fox, id)
    await takes({ ...lastWay, name: `${lastWay.name}, Firefox, the relay behind the site's proxy` }, fox, officer)
    await fox.driver.press('[data-act="leave"]')
    await firewall(...officeWay.blocks)
    const before = await http.tunnels('relais.plainte.test')
    const foxClerk = await inFirefox('citizen in Firefox in an office', { 'network.proxy.type': 1, 'network.proxy.ssl': httpProxy.host, 'network.proxy.ssl_port': httpProxy.port })
    await moves(foxClerk, id)
    await takes({ ...officeWay, name: `${officeWay.name}, Firefox` }, foxClerk, officer)
    expect((await http.tunnels('relais.plainte.test')) > before, 'Firefox reached the relay through the HTTP proxy')
    for (const watch of watches) assertQuiet(watch)
  } catch (error) {
    for (const one of [media, service]) console.error((await one.words()).split('\n').slice(-30).join('\n'))
    throw error
  } finally {
    await Promise.all([home.close(), office.close(), ...foxes.map((fox) => fox.close())])
  }
}

/** The same citizen, admitted already, takes the seat over from another browser. */
async function moves(citizen, id) {
  await citizen.driver.go(`${base}/audition/${id}`)
  await citizen.driver.follow('form[action="/connexion/franceconnect"] button')
  await citizen.driver.follow('button[name="personne"][value="camille"]')
  await citizen.driver.follow('form[action$="/entrer"] button')
}

/** The last way is closed as well: the page says in words what is wrong, and comes back once it is opened. */
async function isTold(citizen, officer) {
  await firewall(...lastWay.blocks, `ip daddr ${addresses.relay}`)
  await citizen.driver.go(citizen.driver.page.url())
  await testDevices(citizen.driver)
  await citizen.driver.press('[data-act="join"]')
  const says = () => document.querySelector('[data-text="status"]').innerText.includes('ne laisse passer ni le son ni l’image')
  await citizen.driver.until(says, null, 'nothing is open: the citizen is told')
  const pair = await citizen.driver.page.evaluate(pairInUse)
  expect(pair.type === undefined, `nothing is open: no way is found, not ${JSON.stringify(pair)}`)
  await firewall(...lastWay.blocks)
  await Promise.all([citizen, officer].map((one) => hears(one.driver, `the last way is open again: the ${one.name}`)))
  console.log('nothing is open: the citizen is told, and is in again once something is')
}

/** The citizen loads the page anew behind that firewall, and joins. */
async function takes({ name, relayProtocol, blocks }, citizen, officer) {
  const stopped = await firewall(...blocks)
  await citizen.driver.go(citizen.driver.page.url())
  await testDevices(citizen.driver)
  const began = performance.now()
  await citizen.driver.press('[data-act="join"]')
  await citizen.driver.until(() => document.querySelector('[data-call]').dataset.connectionState === 'connected', null, `${name}: a way is found`)
  const found = Math.round(performance.now() - began)
  await Promise.all([citizen, officer].map((one) => hears(one.driver, `${name}: the ${one.name}`)))
  const pair = await citizen.driver.page.evaluate(pairInUse)
  console.log(`${name}: ${JSON.stringify(pair)}, found in ${found} ms; stopped: ${await stopped()}`)
  expect((pair.type === 'relay') === (relayProtocol !== undefined), `${name}: by the relay or not: ${JSON.stringify(pair)}`)
  expect(relayProtocol === undefined || pair.relayProtocol === relayProtocol, `${name}: ${relayProtocol}, not ${JSON.stringify(pair)}`)
  expect(pair.to === `${addresses.server}:41000`, `${name}: to the media node, not ${pair.to}`)
  for (const [index, count] of (await stopped()).entries()) expect(count > 0, `${name}: ${blocks[index]} has stopped something`)
}

try {
  await main()
  console.log('every way leads in')
} finally {
  await stopAll()
}
