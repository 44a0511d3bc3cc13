"""Eitherway: the front door that never insists on your face.

The map of the house, in the order a visit walks through it:

    config, errors      what can be set, and what can go wrong
    master, keyring     where the master key comes from, and the data keys it wraps
    keys, tokens        what hangs on the data keys; passes and grants
    permits             what gateway and face device say to each other
    certificates        what was erased of somebody, signed, and naming nobody
    documents           identity document numbers: checksums and machine-readable zones
    methods/            one file, one way to be verified; measures, never decides
    policy              pure judgement: what to offer, what an attempt is worth
    store/              every fact we hold about anybody, on SQLite or PostgreSQL
    audit/              one record per fact, written with the fact
    sitefile, law/      the one file that describes a site, and what makes it unlawful
    entitlement         who may pass which door, and when
    rotation            changing keys while the doors are open
    backup, restore     the whole database in one sealed file, and back
    tombstones          who was erased stays erased, whatever is restored
    consent             who agreed to which notice, and until when
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
    capture, my_face    what comes before a camera; setting one's own face up, and stopping it
    face_keeping        what a consent keeps of a face, and what none keeps any more
    receipt, receipt_check    what a visit processed, for the person to take along, and to check
    consent_receipt     a consent by the fields of ISO/IEC TS 27560
    mine, my_data       one's own page: who may see it, and all that is held about them
    asking              complaints and requests, and their answer
    face_device         face devices as the gateway knows them
    staffing, browsers  who works here, and where they are signed in
    sign_in, guesses    by password and code; what is guessed at rests
    passkeys            what staff may sign in with: asked of a browser, and checked
    override            what only staff may do
    erasure, ending     erasing somebody everywhere, with a certificate; a service that ends
    freezing            references that are only stored, until they can be deleted
    retention           what is kept for how long, and the sweep that lets go of it
    device              kiosks and readers: paired and known
    web/                the only room that knows HTTP
    app, cli, demo      where the parts meet, and how they are started
    facedevice/         the other process: looks, compares, keeps and erases
"""

__version__ = "0.1.0"
