// The design system's behaviours that our pages use, in the order it wants:
// the core first, since the others look for it on `window`.

import '@gouvfr/dsfr/dist/core/core.module.min.js'
import '@gouvfr/dsfr/dist/scheme/scheme.module.min.js'
import '@gouvfr/dsfr/dist/component/accordion/accordion.module.min.js'
import '@gouvfr/dsfr/dist/component/button/button.module.min.js'
import '@gouvfr/dsfr/dist/component/display/display.module.min.js'
import '@gouvfr/dsfr/dist/component/modal/modal.module.min.js'
import '@gouvfr/dsfr/dist/component/navigation/navigation.module.min.js'
import '@gouvfr/dsfr/dist/component/header/header.module.min.js'
import '@gouvfr/dsfr/dist/component/table/table.module.min.js'
