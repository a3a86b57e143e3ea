// One way of speaking to two kinds of page: playwright's (Chromium) and
// puppeteer's (Firefox). Only what the journey needs; waiting is always for a
// condition, never for time to pass.

const LIMIT_MS = 45_000

export class Driver {
  /** `puppet`: the page is puppeteer's. */
  constructor(page, puppet) {
    this.page = page
    this.puppet = puppet
    page.setDefaultTimeout(LIMIT_MS)
    page.setDefaultNavigationTimeout(LIMIT_MS)
  }

  async go(url) {
    await this.page.goto(url, { waitUntil: 'load' })
  }

  /** Clicks what leads to another page, and waits for that page. */
  async follow(selector) {
    await this.see(selector)
    await Promise.all([this.page.waitForNavigation({ waitUntil: 'load' }), this.page.$eval(selector, (element) => element.click())])
  }

  /** Clicks what stays on this page. */
  async press(selector) {
    await this.see(selector)
    await this.page.$eval(selector, (element) => element.click())
  }

  async fill(selector, text) {
    await this.see(selector)
    await this.page.$eval(selector, (element, value) => {
      element.focus()
      element.value = value
      element.dispatchEvent(new Event('input', { bubbles: true }))
      element.dispatchEvent(new Event('change', { bubbles: true }))
    }, text)
  }

  async see(selector) {
    // Attached is enough: what is folded away can still be acted on.
    if (this.puppet) await this.page.waitForSelector(selector)
    else await this.page.waitForSelector(selector, { state: 'attached' })
  }

  /** Waits until a function of the page, given `argument`, is true. */
  async until(condition, argument, what) {
    try {
      if (this.puppet) await this.page.waitForFunction(condition, {}, argument)
      else await this.page.waitForFunction(condition, argument)
    } catch (error) {
      const state = await this.page.$eval('body', (body) => JSON.stringify(Object.assign({}, body.querySelector('[data-call]')?.dataset ?? {})) + '\n' + body.innerText.slice(0, 800)).catch(() => '')
      throw new Error(`${what}: ${error.message}\n${this.page.url()}\n${state}`)
    }
  }

  async has(selector) {
    return (await this.page.$(selector)) !== null
  }

  async text(selector) {
    return this.page.$eval(selector, (element) => element.textContent.trim())
  }

  async data(selector, name) {
    return this.page.$eval(selector, (element, key) => element.dataset[key], name)
  }
}
