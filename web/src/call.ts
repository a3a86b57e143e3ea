// The script of a hearing's page: attaches a call to each element that asks
// for one. Everything it needs to know stands on that element.

import { Call } from './call/call'

for (const root of document.querySelectorAll<HTMLElement>('[data-call]')) new Call(root)
