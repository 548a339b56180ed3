/** Made by `npm run generate` from the migrated database; amounts are whole fen. Do not edit. */
import type { Generated, GeneratedAlways } from 'kysely'
import type { Fen } from '../money.ts'
import type { AuditValues, BillTotals, HistoryDetails, HistoryReason, ImportProblems, Json, JsonOrDefault, NotificationChecks, RefundReason, ShopContact, ShownSettings, StoredLink } from './json-columns.ts'

export interface Tables {
  access_waits: {
    day: string
    seconds: number
    orders: number
  }
  audit_log: {
    id: GeneratedAlways<number>
    at: Date
    user_id: number | null
    username: string
    role: string
    address: string
    action: string
    subject: string
    before: Json<AuditValues> | null
    after: Json<AuditValues> | null
    note: Generated<string>
    sensitive: Generated<boolean>
  }
  categories: {
    slug: string
    position: number
    name_zh: string
    name_en: string
    palette: string[]
  }
  chapters: {
    id: Generated<number>
    course_id: number
    position: number
    title: string
  }
  courses: {
    id: Generated<number>
    slug: string
    category_slug: string
    teacher_slug: string
    language: 'zh-CN' | 'en'
    title: string
    promise: string
    outcomes: string[]
    price_fen: Fen
    original_price_fen: Fen | null
    status: Generated<'draft' | 'published'>
    published_at: Date | null
    lesson_count: Generated<number>
    minutes: Generated<number>
    version: Generated<number>
    cover: string | null
    learners: Generated<number>
  }
  enrolments: {
    id: GeneratedAlways<number>
    user_id: number
    course_id: number
    order_id: number | null
    granted_at: Date
    granted_by: string
    revoked_at: Date | null
    last_lesson_id: number | null
    import_id: number | null
    standby: Generated<boolean>
    revoked_by_refund: Generated<boolean>
  }
  first_run: {
    only_row: Generated<boolean>
    code_hash: Buffer
    expires_at: Date
    guesses: Generated<number>
    guesses_until: Date | null
  }
  idempotency_keys: {
    user_id: number
    key: string
    request_hash: string
    status: number | null
    response: Json<unknown> | null
    created_at: Date
  }
  import_rows: {
    import_id: number
    line: number
    username: string
    display_name: string
    course_id: number
    state: Generated<'waiting' | 'done' | 'failed'>
    account_made: Generated<boolean>
    granted: Generated<boolean>
    problem: string | null
    sealed_password: string | null
  }
  imports: {
    id: GeneratedAlways<number>
    file_name: string
    uploaded_by: number
    uploaded_at: Date
    status: 'checked' | 'running' | 'done' | 'cancelled'
    problems: Json<ImportProblems>
    problem_count: number
    row_count: number
    new_accounts: number
    new_grants: number
    started_at: Date | null
    ended_at: Date | null
    moved_at: Date | null
    steps: Generated<number>
    passwords_taken_at: Date | null
  }
  lessons: {
    id: Generated<number>
    course_id: number
    chapter_id: number
    position: number
    title: string
    minutes: number
    preview: Generated<boolean>
    markdown: string
    video: string | null
    version: Generated<number>
  }
  login_codes: {
    user_id: number
    code_hash: string
    expires_at: Date
    used_at: Date | null
  }
  login_failures: {
    key: string
    failures: number
    window_ends_at: Date
    failed_at: Generated<Date[]>
    blocked_until: Date | null
    reserved: JsonOrDefault<Record<string, number>>
  }
  notification_handlings: {
    id: GeneratedAlways<number>
    notification_id: number
    at: Date
    by_whom: string
    checks: Json<NotificationChecks>
    effect: string
    accepted: boolean
    reason_code: string | null
  }
  notifications: {
    id: GeneratedAlways<number>
    provider: string
    received_at: Date
    address: string
    content_type: string
    headers: Json<Record<string, string>>
    body: Buffer
    body_bytes: number
    checks: Json<NotificationChecks>
    effect: string
    accepted: boolean
    attempt_no: string | null
    notify_id: string | null
    trade_no: string | null
    reason_code: string | null
  }
  order_history: {
    id: GeneratedAlways<number>
    order_id: number
    at: Date
    event: string
    from_status: string | null
    to_status: string
    actor: string
    reason: Generated<string>
    subject: Generated<'order' | 'attempt' | 'refund' | 'access' | 'reconciliation'>
    number: string | null
    user_id: number | null
    reason_code: HistoryReason | null
    details: Json<HistoryDetails> | null
  }
  order_lines: {
    order_id: number
    position: number
    course_id: number
    course_title: string
    price_fen: Fen
    original_price_fen: Fen | null
    refunded_fen: Generated<Fen>
    reserved_fen: Generated<Fen>
  }
  order_payments: {
    order_id: number
    attempt_id: number
    paid_at: Date
  }
  orders: {
    id: GeneratedAlways<number>
    order_no: string
    user_id: number
    subject: string
    total_fen: Fen
    pay_type: string
    status: Generated<'unpaid' | 'paid' | 'partially_refunded' | 'refunded' | 'cancelled' | 'expired'>
    course_ids: number[]
    created_at: Date
    expires_at: Date
    paid_at: Date | null
    closed_at: Date | null
    replaced_by: number | null
  }
  payment_attempts: {
    id: GeneratedAlways<number>
    order_id: number
    provider: string
    attempt_no: string
    amount_fen: Fen
    status: Generated<'open' | 'paid' | 'closed'>
    trade_no: string | null
    created_at: Date
    paid_at: Date | null
    ask_at: Date | null
    asked: Generated<number>
    refunded_fen: Generated<Fen>
    refund_claimed_until: Date | null
    billed_on: string | null
    channel: Generated<string>
    link: Json<StoredLink> | null
    link_until: Date | null
    link_claimed_until: Date | null
    merchant: string | null
    unanswered_since: Date | null
    reserved_fen: Generated<Fen>
  }
  payment_settings: {
    id: GeneratedAlways<number>
    provider: string
    sealed: string
    shown: Json<ShownSettings>
    entered_by: number
    entered_at: Date
    retired_at: Date | null
    real_gateway: Generated<boolean>
  }
  proof_counts: {
    key: string
    count: number
    window_ends_at: Date
  }
  reconciliation_differences: {
    id: GeneratedAlways<number>
    provider: string
    day: string
    kind: 'PAID_THERE_UNPAID_HERE' | 'PAID_HERE_UNPAID_THERE' | 'AMOUNT_DIFFERS' | 'UNKNOWN_TRADE' | 'ANOTHER_APPLICATION' | 'REFUND_MISSING_HERE' | 'REFUND_MISSING_THERE' | 'REFUND_AMOUNT_DIFFERS' | 'BILLED_TWICE' | 'FEE_DIFFERS'
    trade_no: Generated<string>
    attempt_no: Generated<string>
    request_no: Generated<string>
    order_id: number | null
    ours_fen: number | null
    theirs_fen: number | null
    found_at: Date
    gone_at: Date | null
    repair: 'settle' | 'refund' | 'record' | 'ask' | 'seen' | null
    repaired_at: Date | null
    repaired_by: number | null
    note: Generated<string>
  }
  reconciliations: {
    provider: string
    day: string
    status: 'waiting' | 'running' | 'done' | 'failed' | 'contradictory' | 'not_offered'
    requested_at: Date
    started_at: Date | null
    finished_at: Date | null
    running_until: Date | null
    runs: Generated<number>
    trades: number | null
    trades_fen: Fen | null
    refunds: number | null
    refunds_fen: Fen | null
    fees_fen: number | null
    problem: string | null
    stage: 'bill' | 'books' | null
    lines: number | null
    summary: Json<BillTotals> | null
  }
  recovery_codes: {
    user_id: number
    code_hash: string
    used_at: Date | null
  }
  refund_lines: {
    refund_id: number
    order_id: number
    course_id: number
    amount_fen: Fen
  }
  refunds: {
    id: GeneratedAlways<number>
    request_no: string
    order_id: number | null
    attempt_id: number | null
    amount_fen: Fen
    status: 'requested' | 'approved' | 'sent' | 'succeeded' | 'refused' | 'declined' | 'withdrawn'
    reason: string
    requested_at: Date
    sent_at: Date | null
    finished_at: Date | null
    refusal: string | null
    tries: Generated<number>
    unmatched_id: number | null
    requested_by: 'buyer' | 'staff' | 'shop'
    user_id: number | null
    decided_by: number | null
    decided_at: Date | null
    answer: Generated<string>
    billed_on: string | null
    accepted_at: Date | null
    look_at: Date | null
    number_spent: Generated<boolean>
    spent_numbers: Generated<string[]>
    reason_code: RefundReason | null
    refused_tries: Generated<number>
    stopped: Generated<boolean>
    made_at: Date | null
  }
  sales_days: {
    day: string
    pay_type: string
    course_id: number | null
    sold: number
    sales_fen: Fen
    paid_orders: number
    refunds_fen: Fen
    placed_orders: number
    median_seconds: number | null
    converted_orders: Generated<number>
    counted_at: Date | null
    counted_as: Generated<number>
  }
  second_factors: {
    user_id: number
    sealed_secret: string
    begun_at: Date
    confirmed_at: Date | null
    last_step: Generated<number>
  }
  security_events: {
    id: GeneratedAlways<number>
    user_id: number
    at: Date
    event: string
    outcome: 'ok' | 'asked' | 'refused'
    reason: Generated<string>
    address: Generated<string>
    user_agent: Generated<string>
    by_user_id: number | null
    times: Generated<number>
  }
  security_settings: {
    one: Generated<boolean>
    refund_limit_fen: Generated<Fen>
    factor_roles: Generated<string[]>
    changed_at: Generated<Date>
  }
  sessions: {
    id: string
    user_id: number
    created_at: Date
    expires_at: Date
    ended_at: Date | null
    user_agent: Generated<string>
    address: Generated<string>
    seen_at: Date | null
    proved_at: Date | null
    by_demo_password: Generated<boolean>
  }
  shop_identity: {
    one: Generated<boolean>
    name_zh: Generated<string>
    name_en: Generated<string>
    contact: JsonOrDefault<ShopContact>
    icp: Generated<string>
    logo: Buffer | null
    logo_type: 'image/png' | 'image/jpeg' | 'image/webp' | null
    logo_hash: string | null
    changed_at: Generated<Date>
    version: Generated<number>
  }
  spent_proofs: {
    challenge: string
    expires_at: Date
  }
  teachers: {
    slug: string
    name: string
    title: string
    bio: string
    position: Generated<number>
  }
  trial_payments: {
    id: GeneratedAlways<number>
    attempt_no: string
    provider: string
    channel: string
    amount_fen: Fen
    started_by: number
    started_at: Date
    expires_at: Date
    link: Json<StoredLink> | null
    link_at: Date | null
    trade_no: string | null
    unmatched_id: number | null
    seen_at: Date | null
    seen_by: 'notification' | 'query' | null
    asked_at: Date | null
    answer: string | null
    agreed_at: Date | null
    confirmed_at: Date | null
    closed_at: Date | null
    merchant: string | null
    payer_address: Generated<string>
  }
  unknown_proxy: {
    only_row: Generated<boolean>
    seen_at: Date
    peer: string
    entries: number
    trusted: number
  }
  unmatched_payments: {
    id: GeneratedAlways<number>
    provider: string
    trade_no: string
    attempt_no: string
    amount_fen: Fen
    reason: string
    order_id: number | null
    course_id: number | null
    found_at: Date
    resolved_at: Date | null
    refund_id: number | null
    refunded_fen: Generated<Fen>
    refund_claimed_until: Date | null
    resolution: 'refunded' | 'seen' | 'settled' | null
    resolved_by: number | null
    note: Generated<string>
    merchant: string | null
    reserved_fen: Generated<Fen>
  }
  unverified_quotas: {
    line: string
    bytes: number
    at: Date
  }
  uploads: {
    name: string
    bytes: number
    uploaded_at: Date
  }
  users: {
    id: GeneratedAlways<number>
    username: string
    display_name: string
    password_hash: string
    role: Generated<'buyer' | 'owner' | 'finance' | 'support' | 'editor'>
    disabled_at: Date | null
    created_at: Generated<Date>
    password_due: Generated<boolean>
    login_name: Generated<string>
    password_expires_at: Date | null
    audit_seen_id: Generated<number>
  }
}
