"""The face device: the only part of Eitherway that ever sees a face, and a process of its own.

    config      what can be set: where its data lies, where it listens, which engine
    vault       references under the device's key; when each must be gone
    tables      the file it keeps them in
    holder      a reference that its holder keeps, sealed, and nobody else
    engine      finds faces and turns one into numbers: a protocol, and dlib behind it
    onnx        the same protocol, over an operator's own models
    capture     from a few frames to one measured face, or to what was wrong with them
    pool        engines in processes of their own, behind a short queue
    link        its talk with the gateway: calls, erase orders, certificates
    worker      threads for whole requests: whoever sends slowly gets none, or for a while
    bodies      how many may send pictures at once
    leave       whether a permit counts here
    refusals    everything it says no with
    app         begin, capture, enrol: nothing without a permit, nothing kept of a frame
    serve       gunicorn around all of this, in one process
    calibrate   an engine's error rates on one's own pictures, and the threshold that follows
    bare        what a capture costs beside the bare engine
    rates       exact intervals for error rates, and what so many trials can carry
    cli         gateway-face pair | serve | calibrate | bench | status

It shares with the gateway the signed messages (`gateway.permits`) and nothing else. A head turn is
asked for against the printed photograph; it is not a tested detection of presentation attacks, and
`pad_level: none` stands wherever it is shown (ISO/IEC 30107-3).
"""
