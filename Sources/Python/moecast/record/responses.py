class ResponseRecorder: pass
class Route: pass
def routes(): pass
