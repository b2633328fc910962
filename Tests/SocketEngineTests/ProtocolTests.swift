import Testing
import SocketEngine
