/** Payment keys entered in the back office: checked, encrypted, masked, used by every process, without affecting earlier payments. */
import './payment-settings/entering.ts'
import './payment-settings/retired.ts'
import './payment-settings/methods.ts'
import './payment-settings/environment.ts'
