// The script of every page: the design system's behaviours (menu, modal,
// theme), then our own, each of which attaches itself to the elements that ask
// for it by a data attribute. A page that has none of them is left alone.

import './dsfr'
import { attachAutosave } from './editor/autosave'
import { attachLiveRegions } from './hearing/live'
import { attachHold } from './shared/hold'
import { attachInlineForms } from './shared/inline-form'
import { attachOtherZone } from './shared/other-zone'
import { attachQuickExit } from './shared/quick-exit'

attachOtherZone(document)
attachHold(document)
attachQuickExit(document)
attachAutosave(document)
attachLiveRegions(document, attachAutosave)
attachInlineForms()
