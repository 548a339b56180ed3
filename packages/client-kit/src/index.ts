/** What the clients of payment gateways share. */
export {}
