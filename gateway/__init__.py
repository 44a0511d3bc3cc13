"""Eitherway: the front door that never insists on your face.

The map of the house, in the order a visit walks through it:

    config, errors      what can be set, and what can go wrong
    log, bar            lines for operators without anything secret in them; a progress bar
    master, keyring     where the master key comes from, and the data keys it wraps
    keys, tokens        what hangs on the data keys; passes and grants
    permits             what gateway and face device say to each other
    certificates        what was erased of somebody, signed, and naming nobody
    signing, jose, cose     keys that sign, and the envelopes of what they sign
    sealedfile          a file that is sealed in pieces, none of which can be moved or left out
    documents, mrz      identity document numbers: checksums and machine-readable zones
    specimens           documents and codes of nobody, to test ways with
    passwords, qr_picture   what staff type, hashed; a QR code as a picture
    methods/            one file, one way to be verified; measures, never decides
    policy              pure judgement: what to offer, what an attempt is worth
    store/              every fact we hold about anybody, on SQLite or PostgreSQL
    audit/              one record per fact, in a tree that a stranger can check
    checkpoints         what is signed of the log, and who vouches for it
    alarms              what the staff should know of, until one of them has seen to it
    sitefile, law/      the one file that describes a site, and what makes it unlawful
    toml_lines          on which line of it something stands
    rules               a site's file, applied: what every verb is handed
    entitlement         who may pass which door, and when
    rotation            changing keys while the doors are open
    backup, running     the whole database in one sealed file; whether anybody runs over it
    consent             who agreed to which notice, and until when
    lapse               consents whose basis has ended, for good
    clock               whether the clock may be believed
    throttle            what is guessed at rests, and no other way or person with it
    lodging             whose guardian is asked about, whatever the way
    numbering           handles and locators, each somebody's alone
    references          a person's references as rows, for the verbs
    enrolment           how a reference comes and goes
    staying             how long somebody stays, and whose child they are
    carried, finding    what somebody carries and whether it works; whom a search finds
    roster/, importing  a list of people, read in all at once, and its way from desk to worker
    verification        one visit, from claim to outcome
    document_check      the document that a door asks for, after the holder is verified
    capture, my_face    what comes before a camera; setting one's own face up, and stopping it
    face_keeping        what a consent keeps of a face, and what none keeps any more
    receipt, receipt_check    what a visit processed, for the person to take along, and to check
    consent_receipt     a consent by the fields of ISO/IEC TS 27560
    mine, my_data       one's own page: who may see it, and all that is held about them
    asking              complaints and requests, and their answer
    face_device         face devices as the gateway knows them
    staffing, browsers  who works here, and where they are signed in
    sign_in, guesses    by password and code; what is guessed at rests
    passkeys, staff_passkeys    what staff may sign in with: asked of a browser, and checked
    override            what only staff may do
    cases, watch        who waits for a person; what staff decided on their own word
    erasure, ending     erasing somebody everywhere, with a certificate; a service that ends
    freezing            references that are only stored, until they can be deleted
    retention           what is kept for how long, and the sweep that lets go of it
    again               what was withdrawn or frozen is so again, whatever is restored
    tombstones          who was erased stays erased likewise
    restore             a backup, put back: all of it or nothing
    device, doors       kiosks and readers: paired and known; how each door is just now
    rehearsal           a whole visit of nobody's, to see whether a way works
    apikey              integrators and what they are known by
    web/                the only room that knows HTTP
    app, serve          where the parts meet, and the processes they run in
    __main__, cli       commands; with people, staff_cli, device_cli, people_import, log_cli,
                        receipt_cli, request_cli, retention_cli, keys_cli, backup_cli
    demo, demo_face     two doors to try; bench, bench_log: what they cost
    facedevice/         the other process: looks, compares, keeps and erases
"""

__version__ = "0.1.0"
