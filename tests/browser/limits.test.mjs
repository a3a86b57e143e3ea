// The page of whoever came too often, in Chromium: as axe and a narrow screen find
// it, in both languages, with when to come back, for a person and for an address.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Driver } from './driver.mjs'
import { assertAccessible, assertReflows, launchChromium, person } from './lib.mjs'
import { startService } from './service.mjs'

let browser
let service
let base
before(async () => {
  service = await startService()
  base = service.base
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await service?.stop()
})

const LINK = '/lien/0123456789abcdef'

/** Comes back to a link until the page says that it was too often. */
async function comesTooOften(context, page) {
  for (let rounds = 0; rounds < 50; rounds += 1) {
    // A few at a time, faster than any budget fills up again.
    const knocks = Array.from({ length: 20 }, () => context.request.get(`${base}${LINK}`))
    const refused = (await Promise.all(knocks)).some((answer) => answer.status() === 429)
    if (!refused) continue
    const answer = await page.goto(`${base}${LINK}`)
    if (answer.status() === 429) return answer
  }
  assert.fail('nobody was refused')
}

async function looksWell(page, name) {
  await assertAccessible(page, name)
  await page.emulateMedia({ colorScheme: 'dark' })
  await assertAccessible(page, `${name}, dark`)
  await page.emulateMedia({ colorScheme: 'light' })
  await assertReflows(page, name)
}

/** The page and the header say the same wait, and where to go meanwhile. */
async function saysWhenToComeBack(page, answer, words) {
  const seconds = Number(answer.headers()['retry-after'])
  assert.ok(seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`)
  const told = await page.locator('main strong').innerText()
  assert.match(told, words)
  assert.equal(Number(told.match(/\d+/)[0]), seconds)
  assert.equal(await page.locator('main h1').count(), 1)
  assert.equal(await page.locator('main a[href="/en-personne"]').count(), 1)
}

test('a person who comes too often is told when to come back', async () => {
  const { context, page } = await person(browser, 'phone')
  try {
    const driver = new Driver(page, false)
    await driver.go(`${base}/espace`)
    await driver.follow('form[action="/connexion/franceconnect"] button')
    await driver.follow('button[name="personne"][value="camille"]')
    let answer = await comesTooOften(context, page)
    await saysWhenToComeBack(page, answer, /^Réessayez dans \d+\ss\.$/)
    await looksWell(page, 'too many requests of a person')
    await context.request.get(`${base}/langue/en?retour=%2F`)
    answer = await comesTooOften(context, page)
    await saysWhenToComeBack(page, answer, /^Try again in \d+\ss\.$/)
    assert.equal(await page.locator('html').getAttribute('lang'), 'en')
    await assertAccessible(page, 'too many requests of a person, in English')
  } finally {
    await context.close()
  }
})

test('so is whoever shares an address with a flood, and nobody elsewhere', async () => {
  const proxied = (address) => ({ extraHTTPHeaders: { 'x-forwarded-for': address } })
  const flood = await person(browser, 'desktop', proxied('192.0.2.7'))
  const elsewhere = await person(browser, 'desktop', proxied('192.0.2.8'))
  try {
    const answer = await comesTooOften(flood.context, flood.page)
    await saysWhenToComeBack(flood.page, answer, /^Réessayez dans \d+\ss\.$/)
    await looksWell(flood.page, 'too many requests from an address')
    const other = await elsewhere.page.goto(`${base}${LINK}`)
    assert.equal(other.status(), 404)
  } finally {
    await flood.context.close()
    await elsewhere.context.close()
  }
})
