// What every browser test stands on: browsers at a phone's and a desk's size,
// axe, numbered screenshots, and watchers for what must never happen (a page
// wider than the screen, a policy violation, a script error).
//
// It knows nothing of the service's pages: a test gives it addresses.

import { createRequire } from 'node:module'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
// The packages live beside the pages' own, so that there is one lock file.
const require = createRequire(join(root, 'web/package.json'))
const { chromium } = require('playwright-core')
const puppeteer = require('puppeteer-core')
const axeSource = require('axe-core').source

export const journeyFolder = join(root, 'target/journey')

const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
]

const firefoxPrefs = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
}

/** The two sizes at which pages are looked at. */
export const sizes = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 },
}

/**
 * Starts Chromium. `args` adds flags, e.g. a sound file for the false
 * microphone; `fakeMedia: false` leaves the machine without camera; anything
 * more goes to playwright, e.g. an environment.
 */
export async function launchChromium({ args = [], fakeMedia = true, ...more } = {}) {
  const flags = fakeMedia ? chromiumFlags : chromiumFlags.filter((flag) => !flag.includes('media-stream'))
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: [...flags, ...args], ...more })
}

/**
 * A person at a screen: a browser context of their own, so cookies of two
 * people never mix. `watch` collects what must not happen; ask it with
 * `assertQuiet` at the end.
 */
export async function person(browser, size, { locale = 'fr-FR', colorScheme = 'light', javaScriptEnabled = true, permissions = [], ...more } = {}) {
  const context = await browser.newContext({ ...sizes[size], locale, colorScheme, javaScriptEnabled, permissions, ignoreHTTPSErrors: true, ...more })
  const page = await context.newPage()
  const watch = watchPage(page)
  return { context, page, watch }
}

/**
 * Starts Firefox with false devices; returns the browser, pages speak puppeteer's
 * language. `prepare` is given the profile's folder first; anything more goes to puppeteer.
 */
export async function launchFirefox({ prefs = {}, prepare = async () => {}, ...more } = {}) {
  const profile = await mkdtemp(join(tmpdir(), 'visioplainte-firefox-'))
  await prepare(profile)
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    headless: true,
    userDataDir: profile,
    acceptInsecureCerts: true,
    extraPrefsFirefox: { ...firefoxPrefs, ...prefs },
    ...more,
  })
  const close = async () => {
    await browser.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  return { browser, close }
}

/** Collects policy violations and script errors of a page (playwright's or puppeteer's). */
export function watchPage(page) {
  const seen = { violations: [], errors: [] }
  page.on('console', (message) => {
    const text = message.text()
    // Where it happened may be another page than the one that is shown by now.
    if (/Content[ -]Security[ -]Policy/i.test(text)) seen.violations.push(`${page.url()}: ${text} ${JSON.stringify(message.location() ?? {})}`)
  })
  page.on('pageerror', (error) => seen.errors.push(`${page.url()}: ${error.message ?? error}`))
  return seen
}

/** Throws when the page broke its policy or threw. */
export function assertQuiet(watch) {
  const all = [...watch.violations, ...watch.errors]
  if (all.length > 0) throw new Error(`the pages were not quiet:\n${all.join('\n')}`)
}

const axeTags = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']

/** What axe finds wrong, each with the elements; an empty list is the goal. Works on both browsers' pages. */
export async function axe(page) {
  await page.evaluate(`${axeSource}; 0`)
  const violations = await page.evaluate(`axe.run(document, { runOnly: { type: 'tag', values: ${JSON.stringify(axeTags)} }, resultTypes: ['violations'] })
    .then((result) => result.violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.map((node) => node.target.join(' ') + ' | ' + (node.failureSummary ?? '')) })))`)
  return violations
}

/** Throws with readable words when axe finds anything. */
export async function assertAccessible(page, what) {
  const violations = await axe(page)
  if (violations.length === 0) return
  const lines = violations.map(({ id, impact, help, nodes }) => `${impact} ${id}: ${help}\n    ${nodes.join('\n    ')}`)
  throw new Error(`axe on ${what}:\n  ${lines.join('\n  ')}`)
}

/** Numbered picture of a step of the journey, e.g. target/journey/03-salle-attente.png. */
export async function shot(page, number, name, { folder = journeyFolder, fullPage = true } = {}) {
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${String(number).padStart(2, '0')}-${name}.png`)
  // Hiding the caret would put a style attribute on each field for a moment; a page whose
  // header copies itself within that moment then breaks its policy by no doing of its own.
  await page.screenshot({ path, fullPage, caret: 'initial' })
  return path
}

/**
 * Throws when the page scrolls sideways at 320 px, the width at which WCAG
 * 1.4.10 asks for reflow. It puts the former size back.
 */
export async function assertReflows(page, what) {
  const before = page.viewportSize()
  await page.setViewportSize({ width: 320, height: 800 })
  const { wide, culprits } = await page.evaluate(() => {
    const width = document.documentElement.clientWidth
    const past = [...document.body.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > width + 1)
    return {
      wide: document.documentElement.scrollWidth > width,
      culprits: past.slice(0, 5).map((element) => `${element.tagName.toLowerCase()}.${element.className}`),
    }
  })
  if (before) await page.setViewportSize(before)
  if (wide) throw new Error(`${what} is wider than 320 px: ${culprits.join(', ')}`)
}
