/** Meta's far end of WhatsApp calls: a Graph API stand-in, its webhooks, and users' phones that speak WebRTC. */

export type { CallLimits, MetaCall } from './call.ts';
export type { GraphExchange, GraphFault } from './graph.ts';
export type { RtpCounts } from './line.ts';
export { type FarUser, Meta, type MetaOptions, NUMBER, type Placed } from './meta.ts';
export type { BusinessNumber, User } from './payloads.ts';
export type { WhatsAppPhone, WhatsAppPhoneOptions } from './phone.ts';
export { OPUS, PCMU } from './sdp.ts';
export { type Delivery, signatureOf } from './webhooks.ts';
