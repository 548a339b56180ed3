/** Orders as one streamed file: every order once, read no faster than it is taken. */
import './exports/download.ts'
import './exports/search.ts'
