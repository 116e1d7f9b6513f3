// Reads the one line that the controller posts, so that it sees an orderly end of its connection.
function swallow(session) {
    session.on('upload', function (data, flags) {
        if (flags.last || data.indexOf('\n') >= 0) {
            session.done();
        }
    });
}

export default { swallow };
