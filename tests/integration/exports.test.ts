/** Orders as one streamed file: every order once, read no faster than the client takes it. */
import './exports/download.ts'
import './exports/search.ts'
