/** Files that staff upload: recognized by their bytes, complete or absent, and never removed while in use. */
import './uploads/upload.ts'
import './uploads/use.ts'
