/** A client of WeChat Pay's API v3. */
export {}
